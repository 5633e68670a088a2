"""Generated secrets: files that only their owner can read, each written once."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def create(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in `path`; if the file is missing, write what `make` returns, atomically."""
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w") as file:
            file.write(make() + "\n")
        Path(name).replace(path)
    return path.read_text().strip()
