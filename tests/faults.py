"""A proxy in front of a real S3 server that injects faults into requests.

It runs in a separate process, because Delta's library blocks Python while it waits for a reply.
"""

import http.client
import http.server
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

_CONTROL = "/told-by-the-test"
_HANGS_SECONDS = 3600  # longer than any client should wait


class Fault(StrEnum):
    """A fault of one request."""

    BUSY = "busy"  # reply 503, and do not forward the request
    HANG = "hang"  # never reply
    CUT = "cut"  # reply with half of the body, then close the connection
    LOST = "lost"  # forward the request, then close the connection without a reply


@dataclass(frozen=True, kw_only=True, slots=True)
class Faults:
    """Control of the proxy at `url`, which injects no faults until `inject` is called."""

    url: str

    def inject(self, method: str, within: str, *faults: Fault, always: Fault | None = None) -> None:
        """Inject `faults`, one into each request of `method` whose path contains `within`, and then `always`."""
        self._set({"method": method, "within": within, "coming": faults, "always": always, "met": 0})

    def clear(self) -> int:
        """Stop injecting faults, and return how many were injected."""
        return int(self._set({"method": "", "within": "", "coming": [], "always": None, "met": 0})["met"])

    def _set(self, state: dict[str, object]) -> dict[str, int]:
        request = urllib.request.Request(self.url + _CONTROL, json.dumps(state).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as reply:
            before: dict[str, int] = json.loads(reply.read())
        return before


@contextmanager
def run_proxy(endpoint: str) -> Iterator[Faults]:
    """Run a proxy to the server at `endpoint` in a separate process, and kill it afterwards."""
    command = [sys.executable, __file__, endpoint]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Faults(url=process.stdout.readline().strip())
        finally:
            process.kill()


class _Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = urlsplit("")
    lock = threading.Lock()
    state: dict[str, object] = {"met": 0}  # noqa: RUF012 - one for the whole process

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == _CONTROL:
            before, type(self).state = self.state, json.loads(body)
            self._answer(200, [], json.dumps(before).encode())
            return
        fault = self._next()
        if fault == Fault.BUSY:
            self._answer(503, [], b"<Error><Code>SlowDown</Code><Message>busy</Message></Error>")
        elif fault == Fault.HANG:
            threading.Event().wait(_HANGS_SECONDS)
            self.close_connection = True
        else:
            status, headers, content = self._forward(body)
            if fault == Fault.LOST:
                self.close_connection = True
            else:
                self._answer(status, headers, content, half=fault == Fault.CUT)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - names required by the library

    def _next(self) -> str | None:
        with self.lock:
            state = self.state
            if not state.get("within") or self.command != state["method"] or str(state["within"]) not in self.path:
                return None
            coming: list[str] = state["coming"]  # type: ignore[assignment]
            fault = coming.pop(0) if coming else state["always"]
            state["met"] = int(str(state["met"])) + (fault is not None)
            return None if fault is None else str(fault)

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Send the request to the server with unchanged headers, because they are signed, and return its reply."""
        connection = http.client.HTTPConnection(str(self.upstream.hostname), self.upstream.port, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, reply.getheaders(), content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, half: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), len(content))
        self.send_header("Content-Length", str(length if self.command == "HEAD" else len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = self.close_connection or half

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Log nothing; clients are expected to close connections."""


if __name__ == "__main__":
    _Proxy.upstream = urlsplit(sys.argv[1])
    with _Server(("127.0.0.1", 0), _Proxy) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - `run_proxy` reads it
        server.serve_forever()
