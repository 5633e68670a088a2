"""A process that this one started ends when it is told to, however it behaves."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


_WORK = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\nsys.stdin.read()"


@contextmanager
def started(program: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_waits_uses_no_cpu_time_and_one_that_works_does() -> None:
    with started(_WORK) as process:
        assert process.stdout is not None
        process.stdout.readline()
        worked = child_processes.cpu_seconds(process.pid)
        assert worked > 0.29
        assert child_processes.cpu_seconds(process.pid) - worked < 0.1


def test_where_a_process_has_no_clock_of_its_own_psutil_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_clock(_: int) -> float:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(child_processes.time, "clock_gettime", no_clock)
    with started(_WORK) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert child_processes.cpu_seconds(process.pid) > 0.2
