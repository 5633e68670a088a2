"""Atomic writes of files and folders: a reader sees the old bytes or the new bytes, nothing in between."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_CHUNK, _SHORT = 4 * 1024**2, 100


def write(target: Path, content: bytes) -> None:
    """Write `content` to `target` in one step; an interrupted write leaves no partial file under that name."""
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


def copy(source: Path, target: Path, temp_folder: Path) -> None:
    """Copy `source` to `target` in one step, with its permissions, in constant memory.

    `temp_folder` is on the same disk and holds the temporary file: a process that is killed leaves it there, not next
    to the files of a package.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=temp_folder, prefix=f".{target.name[:_SHORT]}.")
    try:
        with os.fdopen(handle, "wb") as temp_file, source.open("rb") as file:
            shutil.copyfileobj(file, temp_file, _CHUNK)
            temp_file.flush()
            os.fsync(temp_file.fileno())
        shutil.copymode(source, name)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def file_lock(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on `folder` among processes and threads; it is released when its holder ends."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Create the folder `target` with all of `files` in one step, replacing a folder that is there.

    If another process was faster, its folder stays. Hold `file_lock` of the parent folder when several processes may
    write the same folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temp_folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for name, content in files.items():
            _write_through(temp_folder / name, content)
        temp_folder.chmod(0o755)
        if target.exists():
            target.rename(temp_folder.with_name(f"{temp_folder.name}.damaged"))
        temp_folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(temp_folder, ignore_errors=True)
        shutil.rmtree(temp_folder.with_name(f"{temp_folder.name}.damaged"), ignore_errors=True)


def _write_through(path: Path, content: bytes) -> None:
    """Write and flush to disk, not only to the page cache."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
