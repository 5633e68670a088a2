"""Writing a file, or a folder of files, so that a reader sees the old bytes or the new, never something between."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_CHUNK, _SHORT = 4 * 1024**2, 100


def write(target: Path, content: bytes) -> None:
    """Replace `target` by `content` in one step; whatever stops it, no half file bears its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        os.close(handle)
        _write_through(Path(name), content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def copy(source: Path, target: Path, drafts: Path) -> None:
    """Let `target` have the bytes of `source`, and its permissions, as `write` does, however many bytes they are.

    `drafts` is a folder above it: one that is killed leaves its draft there, and none beside the files of a package.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=drafts, prefix=f".{target.name[:_SHORT]}.")
    try:
        with os.fdopen(handle, "wb") as draft, source.open("rb") as file:
            shutil.copyfileobj(file, draft, _CHUNK)
            draft.flush()
            os.fsync(draft.fileno())
        shutil.copymode(source, name)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process or thread at a time be within, for each `folder`; one that ends lets the next in."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Let the folder `target` appear with all of `files`; one in its place is put away first.

    Where another process was faster, its folder stays; hold `alone` of the folder above where others may do the same.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for name, content in files.items():
            _write_through(draft / name, content)
        draft.chmod(0o755)
        if target.exists():
            target.rename(draft.with_name(f"{draft.name}.damaged"))
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(draft.with_name(f"{draft.name}.damaged"), ignore_errors=True)


def _write_through(path: Path, content: bytes) -> None:
    """Write to the disk, not only to the system's memory of it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
