"""A process that this one started ends when it is told to, however it behaves."""

import signal
import subprocess
import sys

import pytest

from include import child_processes

READY = "import signal, sys, time; {}; print('ready', flush=True); time.sleep(600)"


@pytest.mark.parametrize(
    ("setup", "grace_seconds", "code"),
    [
        pytest.param("pass", 60, -signal.SIGTERM, id="ends at once"),
        pytest.param("signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))", 60, 3, id="signs off"),
        pytest.param("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0.2, -signal.SIGKILL, id="ignores SIGTERM"),
    ],
)
def test_a_process_is_ended_and_its_exit_code_returned(setup: str, grace_seconds: float, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", READY.format(setup)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert child_processes.end(process, grace_seconds) == code


def test_a_process_that_ended_already_is_reaped() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    process.wait(timeout=60)
    assert child_processes.end(process) == 7
