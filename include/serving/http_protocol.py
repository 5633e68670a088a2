"""How requests come in and answers go out, where uvicorn's own way is not ours."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEADER_SECONDS = 5.0


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """Hangs up on a client that does not get its headers across in time; uvicorn would wait for ever."""

    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = BufferedTransport(transport, self.loop)  # type: ignore[assignment]
        self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._start_timer()

    def on_headers_complete(self) -> None:
        self._cancel_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(_HEADER_SECONDS, self.transport.close)

    def _cancel_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None


class BufferedTransport:
    """A transport that sends the headers of an answer with its body: one call of the system in place of two.

    What is not followed by more goes out before the next event.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._buffer = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` with what is held, or hold it for what comes."""
        if self._buffer:
            pending, self._buffer = self._buffer, b""
            self._transport.write(pending + data)
        else:
            self._buffer = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is held, and hang up."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._buffer:
            pending, self._buffer = self._buffer, b""
            self._transport.write(pending)
