"""Read `usecase.py` in a process of its own first, which may hang or end without harm, and remember the verdict.

A verdict belongs to the bytes of the folder's Python files. It is kept in the home, if there is one, so that a folder
costs a process once and not for every DAG file, task and command. A file that only raises an exception passes: the
loader reports that with more detail.
"""

import faulthandler
import hashlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from include.settings import PROJECT, read_settings
from include.stores.files import atomic
from ml.errors import RatchetError

READ_SECONDS = 10.0
_START_SECONDS = 60.0  # for the interpreter and `ml.usecase`, on a busy machine
_RETRY_SECONDS = 600.0  # a folder that hung once may have hung on a busy machine
_AT_ONCE = 4
_STARTED, _READ = b"started\n", b"read\n"
_KEPT = "usecase_checks"
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_PROGRAM = "import sys; from include.usecases import probe; probe.main(*sys.argv[1:])"

Fault = tuple[str, int]  # the reason, and the line of usecase.py, 0 if it is not known
_verdicts: dict[tuple[Path, str], Fault | None] = {}


def faults(folders: Mapping[str, Path]) -> dict[str, Fault]:
    """Return why reading the `usecase.py` of each of these folders, by name, does not end well; none if it does."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        faults = dict(zip(folders, pool.map(fault, folders.values()), strict=True))
    return {name: each for name, each in faults.items() if each is not None}


def fault(folder: Path) -> Fault | None:
    """Return the same for one folder."""
    key = folder, _digest(folder)
    if key not in _verdicts:
        kept = _load(*key)
        _verdicts[key] = kept[0] if kept is not None else _examine(*key)
    return _verdicts[key]


def main(parent: str, name: str, descriptor: str, seconds: str) -> None:
    """Import `usecase.py` of the folder `name` in `parent`; write to `descriptor` when that starts and when it ended."""
    from importlib import import_module

    from include import usecases

    pipe = int(descriptor)
    usecases.__path__.append(parent)
    leave = os._exit

    def report_exit(code: int) -> None:
        faulthandler.dump_traceback(pipe, all_threads=False)
        leave(code)

    os._exit = report_exit  # type: ignore[assignment]  # names the line that ends the process
    faulthandler.enable(pipe, all_threads=False)
    faulthandler.dump_traceback_later(float(seconds), file=pipe)
    os.write(pipe, _STARTED)
    with suppress(BaseException):
        import_module(f"{usecases.__name__}.{name}.usecase")
    os.write(pipe, _READ)
    leave(0)


def _examine(folder: Path, digest: str) -> Fault | None:
    """Read the file in a process of its own and keep the verdict, if there is one."""
    reader, writer = os.pipe()
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(folder.parent), folder.name, str(writer), str(READ_SECONDS)],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), *sys.path]))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[writer],
            start_new_session=True,
        )
    finally:
        os.close(writer)
    try:
        output = _read(reader, b"", _STARTED, _START_SECONDS)
        started = _STARTED in output
        output = _read(reader, output, _READ, READ_SECONDS + 1) if started else output
        ended_itself = _ended(child)
    finally:
        os.close(reader)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
    if not started:
        return None  # nothing is known: the machine is too busy, or Python does not start here
    ending = (f"signal {-code}" if code < 0 else f"exit code {code}") if ended_itself else None
    verdict = None if _READ in output else _fault(folder, output.decode(errors="replace"), ending)
    _keep(folder, digest, verdict)
    return verdict


def _read(reader: int, before: bytes, until: bytes, seconds: float) -> bytes:
    """Return `before` and what the pipe has after it, until `until` or the end comes, or until the time is over."""
    output, deadline = before, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while until not in output and (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            part = os.read(reader, 65536)
            if not part:
                break
            output += part
    return output


def _ended(child: "subprocess.Popen[bytes]") -> bool:
    """Return whether the process has ended; one whose end of the pipe is closed is about to."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(0.2)
    return child.returncode is not None


def _fault(folder: Path, output: str, ending: str | None) -> Fault:
    path = str(folder / "usecase.py")
    line = next((int(each["line"]) for each in _FRAME.finditer(output) if each["file"] == path), 0)
    if ending is None:
        return f"reading it takes more than {READ_SECONDS:.0f} seconds: a declaration must not wait or compute", line
    return f"reading it ends the process ({ending}), which a use case must not", line


def _digest(folder: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(folder.glob("*.py")):
        with suppress(OSError):
            digest.update(path.name.encode(errors="surrogateescape") + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _load(folder: Path, digest: str) -> tuple[Fault | None] | None:
    """Return the kept verdict in a tuple; None if there is none for these bytes, or if it is to be tried again."""
    try:
        kept = json.loads(_path(folder).read_bytes())
        if kept["digest"] != digest or kept["folder"] != str(folder):
            return None
        if kept["fault"] is not None and not 0 <= time.time() - kept["at"] < _RETRY_SECONDS:
            return None
        return (None,) if kept["fault"] is None else ((str(kept["fault"][0]), int(kept["fault"][1])),)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RatchetError):
        return None


def _keep(folder: Path, digest: str, verdict: Fault | None) -> None:
    content = {"folder": str(folder), "digest": digest, "fault": verdict, "at": time.time()}
    with suppress(OSError, RatchetError):
        if _path(folder).parent.parent.is_dir():  # a check creates no home
            atomic.write(_path(folder), json.dumps(content).encode())


def _path(folder: Path) -> Path:
    return read_settings(os.environ).home / _KEPT / f"{folder.name}.json"
