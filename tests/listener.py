"""A real address on loopback that hears whatever is sent to it, and answers as a test says."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A request as it came; names in `headers` are of whatever case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Reply = tuple[int, bytes]


@contextmanager
def listening(answer: Callable[[Heard], Reply]) -> Iterator[str]:
    """Give an address, http://127.0.0.1 on a free port, that answers each request with a status and a body, until the end of the `with`."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, told = answer(Heard(method=self.command, path=self.path, headers=self.headers, body=body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _reply  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
