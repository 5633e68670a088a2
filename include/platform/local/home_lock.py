"""At most one program at a time starts or drives the stack of a home."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

from include.platform.local import setup
from include.settings import Settings
from ml.errors import SetupError

_FILE = "driver.lock"


@contextmanager
def hold(settings: Settings, command: str) -> Iterator[None]:
    """Hold the lock of the home for `command` until the context is left.

    The operating system releases it when the process ends, however it ends, so the lock of a dead process is free.
    Raises SetupError that names the program which holds it.
    """
    with setup.explain_os_errors(settings):
        settings.home.mkdir(parents=True, exist_ok=True)
        file = (settings.home / _FILE).open("a+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held_error(settings, file) from None
        _write(file, {"command": command, "process": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"})
        yield
        _write(file, {})


def _write(file: IO[str], holder: dict[str, object]) -> None:
    file.truncate(0)
    file.write(json.dumps(holder) if holder else "")
    file.flush()


def _held_error(settings: Settings, file: IO[str]) -> SetupError:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        who = f"`{holder['command']}` (process {holder['process']}, since {holder['since']})"
        end = f"stop it with Ctrl-C or `kill {holder['process']}`"
    except (ValueError, KeyError, TypeError):
        who, end = "another program", "stop it"
    return SetupError(
        f"{who} already works in {settings.home}, so nothing was started: wait until it ends, {end}, or choose another "
        "RATCHET_HOME"
    )
