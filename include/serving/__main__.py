"""Starts the model server of a use case, as a program: `python -m include.serving <use case>`."""

import asyncio
import sys

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from include import settings
from include.serving import app, limits
from ml.errors import RatchetError, SetupError

_HEADER_SECONDS, _STOP_SECONDS = 5.0, 10


class Prompt(HttpToolsProtocol):
    """Hangs up on a client that does not get its headers across in time; uvicorn would wait for ever."""

    _hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._hurry()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._hurry()

    def on_headers_complete(self) -> None:
        self._relax()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def _hurry(self) -> None:
        if self._hanging_up is None:
            self._hanging_up = self.loop.call_later(_HEADER_SECONDS, self.transport.close)

    def _relax(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None


def main(use_case: str, word: str = "serve") -> None:
    """Serve until told to stop; then no new requests are taken, and those under way are answered.

    SageMaker starts a container with the word `serve`; raises SetupError for another.
    """
    if word != "serve":
        raise SetupError(f"expected the word 'serve' or none, got {word!r}: a server does nothing else")
    where, allowed = settings.load(), limits.load()
    shelf = where.feature_store / use_case / "snapshots"
    front = app.create(use_case, shelf, where, allowed)
    server = uvicorn.Server(
        uvicorn.Config(
            front,
            host=allowed.host,
            port=allowed.port,
            http=Prompt,
            loop="uvloop",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    front.gateway.requests = lambda: len(server.server_state.tasks)
    server.run()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RatchetError as fault:
        sys.exit(str(fault))
