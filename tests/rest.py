"""A small HTTP server on loopback that stands where Airflow's REST API would, for its client and who uses that."""

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
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    user: str


Reply = tuple[int, Any]
Answer = Callable[[Asked], Reply]


@dataclass
class Server:
    """The address is that of the settings; `asked` has every request but those for a token."""

    settings: Settings
    asked: list[Asked] = field(default_factory=list)

    def paths(self, method: str) -> list[str]:
        """Return the paths that were asked for by `method`, in order."""
        return [each.path for each in self.asked if each.method == method]


@contextmanager
def serving(settings: Settings, answer: Answer) -> Iterator[Server]:
    """Serve what `answer` says of each request until the end of the `with`; users and passwords are in `PASSWORDS`."""
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
            asked = Asked(method=self.command, path=path, query=dict(parse_qsl(url.query)), body=body, user=user)
            server.asked.append(asked)
            self._send(*answer(asked))

        do_GET = do_POST = do_PATCH = _reply  # noqa: N815 - the library's names

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
