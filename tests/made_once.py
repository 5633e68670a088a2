"""Folders that take seconds to make: made once for all processes of a test run, and only read or copied afterwards."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from include.stores.files import atomic

Once = Callable[[str, Callable[[Path], object]], Path]


def maker(factory: pytest.TempPathFactory) -> Once:
    """Return a function `once(name, make)`, which returns the folder `name` of this test run, filled by `make(folder)`.

    The first process that asks makes the folder, and the others wait for it. When `make` raises, the next process tries
    again, in a folder of its own.
    """
    own = factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "once"

    def once(name: str, make: Callable[[Path], object]) -> Path:
        with atomic.file_lock(shared / name):
            made = shared / name / "made"
            if not made.exists():
                folder = factory.mktemp("once") / name
                make(folder)
                made.write_text(str(folder))
            return Path(made.read_text())

    return once
