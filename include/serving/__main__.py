"""Start the model server of a use case: `python -m include.serving <use case>`."""

import sys

import uvicorn

from include.serving import app, config
from include.serving.http_protocol import HeaderTimeoutProtocol
from include.settings import load_settings
from ml.errors import RatchetError, SetupError
from ml.usecase import model_names

_STOP_SECONDS = 10


def main(use_case: str, command: str = "serve") -> None:
    """Serve until the process is asked to stop; then refuse new requests and answer those in progress.

    SageMaker starts a container with the command `serve`. Raises SetupError for any other command.
    """
    if command != "serve":
        raise SetupError(f"expected the command 'serve' or none, got {command!r}: the server has no other command")
    settings, serving_config = load_settings(), config.load()
    dataset, horizon = model_names.split(use_case)
    snapshot_dir = settings.feature_store / dataset / (horizon or "snapshots")
    server_app = app.create(use_case, snapshot_dir, settings, serving_config)
    server = uvicorn.Server(
        uvicorn.Config(
            server_app,
            host=serving_config.host,
            port=serving_config.port,
            http=HeaderTimeoutProtocol,
            loop="uvloop",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    server_app.gateway.active_requests = lambda: len(server.server_state.tasks)
    server.run()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RatchetError as fault:
        sys.exit(str(fault))
