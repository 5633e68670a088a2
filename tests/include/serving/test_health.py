"""The program that a container's health check runs."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.settings import PROJECT
from include.stack import setup


@contextmanager
def saying(status: int) -> Iterator[int]:
    """A server of which /readyz has `status`, and its port."""

    class Said(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Said) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(port: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "include.serving.health"]
    return subprocess.run(
        command, cwd=PROJECT, env={"PORT": str(port)}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)], ids=["ready", "not ready"])
def test_the_code_is_whether_the_server_is_ready(status: int, code: int) -> None:
    with saying(status) as port:
        assert asked(port).returncode == code


def test_no_server_is_told() -> None:
    told = asked(setup.free_port("127.0.0.1"))
    assert (told.returncode, "refused" in told.stderr) == (1, True)
