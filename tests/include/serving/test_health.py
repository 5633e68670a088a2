"""The program that a container's health check runs."""

import subprocess
import sys

import pytest

from include import ports
from include.settings import PROJECT
from tests.listener import listening


def asked(address: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "include.serving.health"]
    return subprocess.run(
        command,
        cwd=PROJECT,
        env={"PORT": address.rpartition(":")[2]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)], ids=["ready", "not ready"])
def test_the_code_is_whether_the_server_is_ready(status: int, code: int) -> None:
    with listening(lambda asked: (status if asked.path == "/readyz" else 404, b"")) as address:
        assert asked(address).returncode == code


def test_no_server_is_told() -> None:
    reported = asked(f"http://127.0.0.1:{ports.free_port('127.0.0.1')}")
    assert (reported.returncode, "refused" in reported.stderr) == (1, True)
