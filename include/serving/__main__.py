"""Start the model server: `python -m include.serving <use case>`, or `serve` alone for the package in a folder."""

import sys

import uvicorn

from include.serving import app, config, model_folder
from include.serving.config import ServingConfig
from include.serving.http_protocol import HeaderTimeoutProtocol
from include.settings import Settings, load_settings
from ml.errors import RatchetError, SetupError

_COMMAND, _STOP_SECONDS = "serve", 10


def main(use_case: str, command: str = _COMMAND) -> None:
    """Serve until the process is asked to stop; then refuse new requests and answer those in progress.

    SageMaker starts a container with the command `serve`. Raises SetupError for any other command.
    """
    if command != _COMMAND:
        raise SetupError(f"expected the command {_COMMAND!r} or none, got {command!r}: the server has no other command")
    _run(use_case, load_settings(), config.load())


def serve_model_folder() -> None:
    """Serve the package in the model folder, with no routing; raises as `model_folder.configure` does."""
    _run(*model_folder.configure(load_settings(), config.load()))


def _run(use_case: str, settings: Settings, serving_config: ServingConfig) -> None:
    server_app = app.create(use_case, settings, serving_config)
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
        if sys.argv[1:] == [_COMMAND]:
            serve_model_folder()
        else:
            main(*sys.argv[1:])
    except RatchetError as fault:
        sys.exit(str(fault))
