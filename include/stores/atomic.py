"""Writing a file so that a reader sees the old bytes or the new, never something between."""

import os
import tempfile
from pathlib import Path


def write(target: Path, content: bytes) -> None:
    """Replace `target` by `content` in one step; whatever stops it, no half file bears its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
