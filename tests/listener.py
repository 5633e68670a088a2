"""A real HTTP server on loopback that answers every request with a function of the test."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedRequest:
    """A request as it was received; the names in `headers` are case-insensitive."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Reply = tuple[int, bytes]


@contextmanager
def listening(answer: Callable[[ReceivedRequest], Reply]) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 until the block ends, and yield the URL; `answer` returns (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            request = ReceivedRequest(method=self.command, path=self.path, headers=self.headers, body=body)
            status, content = answer(request)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _reply  # noqa: N815 - names required by the library

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
