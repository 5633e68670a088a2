"""A real address that messages are sent to, and what was heard there."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Hook:
    """Where to send to (an Apprise URL), and each message that came, as JSON."""

    url: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Hook]:
    """Listen on a free port until the end of the `with`."""
    hook = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook.url = f"json://127.0.0.1:{server.server_port}/hook"
        yield hook
        server.shutdown()
