"""A folder or a bucket's prefix with all that is below it, as files that are copied whole or not at all."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from include.stores.files import atomic, locations
from include.stores.files.locations import Bucket
from ml.errors import DataError

_LOG, _HINT = "_delta_log", "_last_checkpoint"
_TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


def names(address: str | Path) -> list[str]:
    """Return the names of all files below, by name; those that are hidden or unfinished are none."""
    place = locations.at(str(address))
    found = _keys(place) if isinstance(place, Bucket) else _paths(Path(address))
    return sorted(name for name in found if not _unfinished(name))


def digest(address: str | Path, name: str) -> str:
    """Return the SHA-256 of a file, read once and not held in memory."""
    with tempfile.TemporaryDirectory() as folder, _brought(address, name, Path(folder)).open("rb") as file:
        return _sha256(file)


def copy(source: str | Path, target: str | Path, name: str, *, over: bool = False) -> None:
    """Let the file be at `target` as it is at `source`: a reader there sees all of it, or what was there before.

    Raises DataError where another file has that name, unless it may be written `over`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = _brought(source, name, Path(folder))
        place = locations.at(str(target))
        if isinstance(place, Bucket):
            _put(place, name, path, over=over)
        else:
            _land(path, Path(target), name, over=over)


def order(name: str) -> tuple[bool, bool, str]:
    """Return a key that sorts files so that a table's log follows what it names, and is whole up to wherever one stops."""
    path = PurePosixPath(name)
    return _LOG in path.parts, path.name == _HINT, name


def is_log(name: str) -> bool:
    """Return whether the file is an entry or a checkpoint of a table's log: one that says what a version is."""
    path = PurePosixPath(name)
    return _LOG in path.parts and path.name != _HINT


def is_hint(name: str) -> bool:
    """Return whether the file only tells readers where to begin in a table's log."""
    return PurePosixPath(name).name == _HINT


def _unfinished(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/")) or name.endswith((".tmp", ".part"))


def _paths(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _keys(place: Bucket) -> Iterator[str]:
    prefix = f"{place.prefix}/" if place.prefix else ""
    pages = locations.client().get_paginator("list_objects_v2")
    with locations.reached(place):
        found = pages.paginate(Bucket=place.bucket, Prefix=prefix).build_full_result()
    keys = (each["Key"] for each in found.get("Contents", []))
    return (key.removeprefix(prefix) for key in keys if not key.endswith("/"))


def _brought(address: str | Path, name: str, scratch: Path) -> Path:
    """Return where the file is on this machine, brought there if need be."""
    above, _, last = name.rpartition("/")
    place = locations.at(str(address))
    return (place.within(above) if above else place).bring(last, scratch)


def _land(path: Path, folder: Path, name: str, *, over: bool) -> None:
    if not over and (folder / name).exists():
        _require_same(path, folder / name)
        return
    atomic.copy(path, folder / name, folder)


def _put(place: Bucket, name: str, path: Path, *, over: bool) -> None:
    """Put the file, where nothing has its name; one's own whose reply was lost is read back and found to be the same."""
    from botocore.exceptions import ClientError

    free = {} if over else {"IfNoneMatch": "*"}
    key = "/".join(filter(None, (place.prefix, name)))
    with locations.reached(place), path.open("rb") as body:
        try:
            locations.client().put_object(Bucket=place.bucket, Key=key, Body=body, **free)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise
        else:
            return
    with tempfile.TemporaryDirectory() as folder:
        _require_same(path, _brought(str(place), name, Path(folder)))


def _require_same(path: Path, found: Path) -> None:
    with path.open("rb") as ours, found.open("rb") as theirs:
        if _sha256(ours) != _sha256(theirs):
            raise DataError(f"expected no other file of the name {found}, but there is one; nothing is overwritten")


def _sha256(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # IO[bytes] has readinto, unsaid
