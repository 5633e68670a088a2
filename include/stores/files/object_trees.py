"""Trees of files in a folder or below a bucket's prefix. Each file is copied completely or not at all."""

import contextlib
import hashlib
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from include.stores.files import atomic, locations
from include.stores.files.locations import Bucket
from ml.errors import DataError

_LOG, _HINT = "_delta_log", "_last_checkpoint"
_CONFLICT_CODES = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


def names(address: str | Path) -> list[str]:
    """Return the names of all files below `address`, sorted, without hidden and unfinished files."""
    location = locations.from_address(str(address))
    all_names = _keys(location) if isinstance(location, Bucket) else _paths(Path(address))
    return sorted(name for name in all_names if not _is_unfinished(name))


def sizes(address: str | Path) -> dict[str, int]:
    """Return the size in bytes of every file below `address`, hidden and unfinished ones included, by name."""
    location = locations.from_address(str(address))
    if isinstance(location, Bucket):
        return dict(_objects(location))
    folder = Path(address)
    sizes_by_name = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # removed by another process since it was listed
            status = path.lstat()
            if not stat.S_ISDIR(status.st_mode):
                sizes_by_name[path.relative_to(folder).as_posix()] = status.st_size
    return sizes_by_name


def modified(address: str | Path, name: str) -> datetime:
    """Return when the file `name` below `address` was last modified."""
    location = locations.from_address(str(address))
    if not isinstance(location, Bucket):
        return datetime.fromtimestamp(Path(address, name).stat().st_mtime, UTC)
    with locations.translate_errors(location, name):
        key = "/".join(filter(None, (location.prefix, name)))
        head = locations.s3_client().head_object(Bucket=location.bucket, Key=key)
    moment: datetime = head["LastModified"]
    return moment


def remove(address: str | Path, names: Iterable[str]) -> None:
    """Remove the files `names` below `address` in the given order, and folders that are empty then.

    Files that are gone already are skipped.
    """
    location = locations.from_address(str(address))
    for name in names:
        if isinstance(location, Bucket):
            _delete_object(location, name)
            continue
        path = Path(address, name)
        path.unlink(missing_ok=True)
        _remove_empty_folders(path.parent, Path(address))


def remove_tree(address: str | Path) -> int:
    """Remove everything below `address`, and return how many files there were; a symlink is removed, not followed."""
    location = locations.from_address(str(address))
    if isinstance(location, Bucket):
        removed = list(sizes(address))
        remove(address, removed)
        return len(removed)
    folder = Path(address)
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return 1
    count = len(sizes(folder)) if folder.is_dir() else 0
    if folder.is_dir():
        shutil.rmtree(folder)
    return count


def digest(address: str | Path, name: str) -> str:
    """Return the SHA-256 of a file, without loading it into memory."""
    with tempfile.TemporaryDirectory() as folder, _fetch(address, name, Path(folder)).open("rb") as file:
        return _sha256(file)


def copy(source: str | Path, target: str | Path, name: str, *, overwrite: bool = False) -> None:
    """Copy the file `name` from `source` to `target` in one step.

    Raises DataError when a file with that name and other bytes is there already, unless `overwrite` is true.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = _fetch(source, name, Path(folder))
        location = locations.from_address(str(target))
        if isinstance(location, Bucket):
            _upload(location, name, path, overwrite=overwrite)
        else:
            _copy_to_folder(path, Path(target), name, overwrite=overwrite)


def sort_key(name: str) -> tuple[bool, bool, str]:
    """Return a sort key that puts a table's log after its data files: an interrupted copy then leaves a valid table."""
    path = PurePosixPath(name)
    return _LOG in path.parts, path.name == _HINT, name


def is_log(name: str) -> bool:
    """Return whether the file is an entry or a checkpoint of a Delta log, which defines versions."""
    path = PurePosixPath(name)
    return _LOG in path.parts and path.name != _HINT


def is_hint(name: str) -> bool:
    """Return whether the file only says where to begin reading a Delta log."""
    return PurePosixPath(name).name == _HINT


def _is_unfinished(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/")) or name.endswith((".tmp", ".part"))


def _paths(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _keys(location: Bucket) -> Iterator[str]:
    return (key for key, _ in _objects(location))


def _objects(location: Bucket) -> Iterator[tuple[str, int]]:
    """Yield each key below the prefix, and the size of its object."""
    prefix = f"{location.prefix}/" if location.prefix else ""
    pages = locations.s3_client().get_paginator("list_objects_v2")
    with locations.translate_errors(location):
        listing = pages.paginate(Bucket=location.bucket, Prefix=prefix).build_full_result()
    objects = ((each["Key"], int(each["Size"])) for each in listing.get("Contents", []))
    return ((key.removeprefix(prefix), size) for key, size in objects if not key.endswith("/"))


def _delete_object(location: Bucket, name: str) -> None:
    key = "/".join(filter(None, (location.prefix, name)))
    with locations.translate_errors(location):
        locations.s3_client().delete_object(Bucket=location.bucket, Key=key)


def _remove_empty_folders(folder: Path, root: Path) -> None:
    """Remove `folder` and the folders above it, up to `root`, as long as they are empty."""
    while folder != root and root in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _fetch(address: str | Path, name: str, scratch: Path) -> Path:
    """Return the path of the file on this machine, downloaded to `scratch` if it is remote."""
    parent, _, last = name.rpartition("/")
    location = locations.from_address(str(address))
    return (location.child(parent) if parent else location).fetch(last, scratch)


def _copy_to_folder(path: Path, folder: Path, name: str, *, overwrite: bool) -> None:
    if not overwrite and (folder / name).exists():
        _check_same(path, folder / name, str(folder / name))
        return
    atomic.copy(path, folder / name, folder)


def _upload(location: Bucket, name: str, path: Path, *, overwrite: bool) -> None:
    """Upload the file unless the key exists; then compare the contents, since an earlier upload's reply may be lost."""
    from botocore.exceptions import ClientError

    condition = {} if overwrite else {"IfNoneMatch": "*"}
    key = "/".join(filter(None, (location.prefix, name)))
    with locations.translate_errors(location), path.open("rb") as body:
        try:
            locations.s3_client().put_object(Bucket=location.bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CONFLICT_CODES:
                raise
        else:
            return
    with tempfile.TemporaryDirectory() as folder:
        _check_same(path, _fetch(str(location), name, Path(folder)), f"{location}/{name}")


def _check_same(path: Path, existing: Path, name: str) -> None:
    with path.open("rb") as ours, existing.open("rb") as theirs:
        if _sha256(ours) != _sha256(theirs):
            raise DataError(f"expected no other file named {name}, but there is one; nothing is overwritten")


def _sha256(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # IO[bytes] has readinto
