"""Changes to uvicorn's HTTP protocol: a timeout for headers, and one system call per answer."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEADER_SECONDS = 5.0


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """Closes the connection of a client that does not send its headers in time; uvicorn would wait forever."""

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
    """A transport that sends the headers of an answer together with its body, in one system call instead of two.

    Data that no further write follows is sent in the next iteration of the event loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._buffer = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` together with the buffered data, or buffer it if there is none."""
        if self._buffer:
            pending, self._buffer = self._buffer, b""
            self._transport.write(pending + data)
        else:
            self._buffer = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send the buffered data, and close the connection."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._buffer:
            pending, self._buffer = self._buffer, b""
            self._transport.write(pending)
