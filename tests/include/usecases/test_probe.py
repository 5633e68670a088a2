"""A use case that hangs, ends the process or raises whatever it likes is named by file and line, and costs nobody else."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli import main
from include.settings import Settings
from include.usecases import loader, probe
from include.usecases.time_limit import OutOfTime, time_limit
from ml.errors import DataError, DeclarationError
from tests.conftest import TOYS

Write = Callable[[str, str], Path]
SECONDS = 1.0


@pytest.fixture
def write(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A function that puts code in front of a file of a use case of its own, `club`, and returns the file's path."""
    club = tmp_path / "cases" / "club"
    shutil.copytree(TOYS / "gym", club)
    literal = club / "usecase.py"
    literal.write_text(literal.read_text().replace('name="gym"', 'name="club"'))
    source = club / "source.py"
    source.write_text(source.read_text().replace("usecases.gym", "usecases.club"))
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(club.parent)])
    monkeypatch.setattr(probe, "READ_SECONDS", SECONDS)
    monkeypatch.setattr(loader, "_MODULE_SECONDS", SECONDS)
    usecases.all.cache_clear()

    def add(file: str, code: str) -> Path:
        path = club / file
        path.write_text(f"import os, signal, sys, time\n{code}\n{path.read_text()}")
        return path

    yield add
    usecases.all.cache_clear()
    for name in [each for each in sys.modules if each.startswith(f"{usecases.__name__}.club")]:
        del sys.modules[name]


SWALLOWING = "while True:\n    try:\n        time.sleep(0.01)\n    except BaseException:\n        pass"
FATAL = [
    pytest.param("time.sleep(45)", 2, "takes more than 1 seconds", id="it sleeps"),
    pytest.param("while True: pass", 2, "takes more than 1 seconds", id="it loops"),
    pytest.param(SWALLOWING, None, "takes more than 1 seconds", id="it loops and catches everything"),
    pytest.param("os._exit(3)", 2, "ends the process (exit code 3)", id="it leaves at once"),
    pytest.param("os.kill(os.getpid(), 9)", 0, "ends the process (signal 9)", id="it kills itself"),
    pytest.param("import ctypes; ctypes.string_at(0)", 2, "ends the process (signal 11)", id="it crashes"),
]
RAISING = [
    pytest.param("sys.exit(3)", "it ends the process (SystemExit: 3)", id="sys.exit"),
    pytest.param("raise KeyboardInterrupt", "it ends the process (KeyboardInterrupt", id="KeyboardInterrupt"),
    pytest.param("raise GeneratorExit('x')", "it ends the process (GeneratorExit: x)", id="GeneratorExit"),
    pytest.param("raise MemoryError('all of it')", "MemoryError: all of it", id="MemoryError"),
    pytest.param("f = lambda: f(); f()", "RecursionError: maximum recursion depth", id="RecursionError"),
    pytest.param("x = (", "'(' was never closed", id="SyntaxError"),
    pytest.param(
        "class Odd(Exception):\n    __str__ = None\nraise Odd", "line 4: Odd", id="an exception without a message"
    ),
]


@pytest.mark.parametrize(("code", "line", "reason"), FATAL)
def test_what_hangs_or_ends_a_process_is_named_by_file_and_line(
    write: Write, code: str, line: int | None, reason: str
) -> None:
    path = write("usecase.py", code)
    with pytest.raises(DeclarationError) as reported:
        usecases.get("club")
    assert reason in str(reported.value)
    position = f"{path}, line {line}:" if line else str(path)
    assert position in str(reported.value)
    assert "flights" in [each.name for each in usecases.all()]
    assert list(usecases.load_errors()) == ["club"]


@pytest.mark.parametrize("file", ["usecase.py", "schema.py"])
@pytest.mark.parametrize(("code", "reason"), RAISING)
def test_whatever_a_file_raises_is_reported(write: Write, file: str, code: str, reason: str) -> None:
    path = write(file, code)
    with pytest.raises(DeclarationError) as reported:
        usecases.module("club", file.removesuffix(".py"))
    assert reason in str(reported.value)
    assert f"{path}, line " in str(reported.value)


def test_the_check_names_a_schema_that_hangs_and_goes_on(write: Write) -> None:
    path = write("schema.py", "time.sleep(45)")
    said = CliRunner().invoke(main.app, ["check"])
    assert said.exit_code == 1
    assert f"{path}, line 2: reading it takes more than 1 seconds" in said.output
    assert "flights: coherent" in said.output


def test_a_verdict_is_kept_for_the_bytes_that_it_is_about(
    write: Write, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("usecase.py", "os._exit(3)")
    assert probe.fault(path.parent) is not None
    monkeypatch.setattr(probe, "_verdicts", {})
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", pytest.fail)
        assert probe.fault(path.parent) == ("reading it ends the process (exit code 3), which a use case must not", 2)
    path.write_text(path.read_text().replace("os._exit(3)", ""))
    assert probe.fault(path.parent) is None


def test_it_is_read_also_in_a_process_with_thousands_of_open_files(write: Write) -> None:
    path = write("usecase.py", "os._exit(3)")
    with ExitStack() as stack:
        null = stack.enter_context(Path(os.devnull).open("rb"))
        for _ in range(1100):
            stack.callback(os.close, os.dup(null.fileno()))
        assert probe.fault(path.parent) == ("reading it ends the process (exit code 3), which a use case must not", 2)


def test_a_source_that_calls_exit_fails_its_step(write: Write) -> None:
    path = write("source.py", "def leave():\n    sys.exit(0)")
    with (
        pytest.raises(DataError, match=rf"{path}, line 3: SystemExit: 0"),
        usecases.translate_errors("club", DataError),
    ):
        usecases.module("club", "source").leave()


def test_the_limit_leaves_an_outer_timer_and_its_handler_as_they_were() -> None:
    def outer(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, outer)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1000)
        with pytest.raises(OutOfTime), time_limit(0.01):
            threading.Event().wait(100)
        assert signal.getsignal(signal.SIGALRM) is outer
        assert 900 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000
        with time_limit(100):
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_persons_interruption_is_no_fault_of_the_file() -> None:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt), time_limit(100):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(100)
    finally:
        signal.signal(signal.SIGINT, former)


def test_another_thread_has_no_limit() -> None:
    passed: list[bool] = []

    def run() -> None:
        with time_limit(0.001):
            passed.append(not threading.Event().wait(0.01))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert passed == [True]
