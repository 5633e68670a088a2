"""A small HTTP server on loopback in place of Airflow's REST API, for tests of the client and of its users."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from include.platform.local import environment
from include.settings import Settings

PASSWORDS = {"admin": "secret", "tech_lead": "lead's", "business_owner": "owner's"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedRequest:
    """A request as it was received."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    user: str


Reply = tuple[int, Any]
Answer = Callable[[ReceivedRequest], Reply]


@dataclass
class Server:
    """A server at the address of the settings; `requests` has every request except those for a token."""

    settings: Settings
    requests: list[ReceivedRequest] = field(default_factory=list)

    def paths(self, method: str) -> list[str]:
        """Return the paths of the requests with `method`, in order."""
        return [each.path for each in self.requests if each.method == method]


@contextmanager
def serving(settings: Settings, answer: Answer) -> Iterator[Server]:
    """Reply to requests with `answer` until the block ends; users and passwords are in `PASSWORDS`."""
    server = Server(settings)
    passwords = environment.passwords_file(settings)
    passwords.parent.mkdir(parents=True, exist_ok=True)
    passwords.write_text(json.dumps(PASSWORDS))

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
            url = urlsplit(self.path)
            if url.path == "/auth/token":
                known = PASSWORDS.get(body["username"]) == body["password"]
                self._send(*((201, {"access_token": body["username"]}) if known else (401, {"detail": "wrong"})))
                return
            user = self.headers["Authorization"].removeprefix("Bearer ")
            path = url.path.removeprefix("/api/v2/")
            query = dict(parse_qsl(url.query))
            request = ReceivedRequest(method=self.command, path=path, query=query, body=body, user=user)
            server.requests.append(request)
            self._send(*answer(request))

        do_GET = do_POST = do_PATCH = _reply  # noqa: N815 - names required by the library

        def _send(self, status: int, reply: Any) -> None:
            content = reply.encode() if isinstance(reply, str) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer((settings.host, settings.airflow_port), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
