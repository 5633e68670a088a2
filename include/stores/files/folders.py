"""Folders below a root, opened without following symbolic links: a link could lead to any file of the machine.

The root itself may be a link. Every folder and file is opened relative to the descriptor of its parent and checked on
its own descriptor, so that nothing can be replaced between the check and the use.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from include.stores.files import entries
from include.stores.files.entries import Entry
from ml.errors import DataError, FileError, SetupError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe without a writer does not block


def check(root: Path, parts: Sequence[str]) -> None:
    """Raise as `list_entries` if a folder below `root` is a link or a file; folders that do not exist are accepted."""
    with suppress(FileNotFoundError), _opened(root, parts):
        pass


def list_entries(root: Path, parts: Sequence[str]) -> dict[str, Entry]:
    """Return what the folder holds by name; nothing if it does not exist.

    Raises FileError if it is a link or a file, DataError if one above it is, and SetupError if it must not be read.
    """
    try:
        with _opened(root, parts) as folder, os.scandir(folder) as listing:
            return entries.by_name((each.name, entry) for each in listing if (entry := _entry(each)))
    except FileNotFoundError:
        return {}


def list_folders(root: Path, parts: Sequence[str]) -> list[str]:
    """Return the names of the folders inside the folder, without links; none if it does not exist."""
    try:
        with _opened(root, parts) as folder, os.scandir(folder) as listing:
            return [each.name for each in listing if each.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def open_file(root: Path, parts: Sequence[str], name: str, max_bytes: int) -> IO[bytes]:
    """Open a regular file of the folder.

    Raises DataError when it is gone, and FileError when it is not a regular file, cannot be read, or is too large.
    """
    path = Path(root, *parts, name)
    try:
        with _opened(root, parts) as folder:
            handle = os.open(name, _FILE, dir_fd=folder)
    except FileNotFoundError:
        raise DataError(f"expected the file {path}, but it is gone; land it and run this night again") from None
    except OSError as error:
        if fault := entries.read_fault(error):
            raise FileError(fault) from None
        raise
    try:
        _check_opened(os.fstat(handle), path, max_bytes)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_size(name: str, size: int, max_bytes: int) -> None:
    """Raise FileError for a file that is too large to be read."""
    if size > max_bytes:
        raise FileError(f"{name}: expected files of at most {max_bytes:,} bytes, got {size:,}; land it in parts")


def _check_opened(status: os.stat_result, path: Path, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileError(entries.of_status(status.st_mode, 0, 0).fault)
    check_size(str(path), status.st_size, max_bytes)


@contextmanager
def _opened(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open the folder and yield its descriptor; raises FileNotFoundError when it does not exist."""
    folder = _open_folder(root, _FOLDER)
    try:
        for depth in range(1, len(parts) + 1):
            error_type = FileError if depth == len(parts) else DataError
            inner = _open_folder(Path(root, *parts[:depth]), _FOLDER | os.O_NOFOLLOW, folder, error_type)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _open_folder(path: Path, flags: int, parent: int | None = None, error_type: type[DataError] = DataError) -> int:
    try:
        return os.open(path if parent is None else path.name, flags, dir_fd=parent)
    except PermissionError:
        raise SetupError(f"expected to read the folder {path}, but permission is denied; allow this user to") from None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        raise error_type(
            f"expected a folder at {path}, got a file or a symbolic link, and links are not followed; put the folder "
            "itself there"
        ) from None


def _entry(listed: "os.DirEntry[str]") -> Entry | None:
    """Return the entry of a listed name; None if it is gone."""
    try:
        status = listed.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return entries.of_status(status.st_mode, status.st_size, status.st_mtime_ns)
