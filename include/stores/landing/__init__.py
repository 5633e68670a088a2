"""The landing area: files as they arrived, one folder (or S3 prefix) for each use case and period. It is read-only.

A file is named after its table: `rides.csv`, or `rides.late.csv` for another part of it. CSV, gzipped CSV, Parquet and
JSON lines are all read as text: types are checked by the contract, not inferred by a reader.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from include.stores.files import entries, locations
from include.stores.files.entries import Entry
from include.stores.files.locations import Bucket, Folder, Location
from include.stores.landing import formats
from include.stores.landing.rows import Rows
from ml.errors import DataError, FileError
from ml.ingestion import chunks
from ml.ingestion.declared_columns import ANY_COLUMNS, DeclaredColumns
from ml.usecase.periods import Period

__all__ = [
    "Bucket",
    "Folder",
    "LandedFile",
    "Location",
    "ScannedFile",
    "list_files",
    "list_files_by_period",
    "period_location",
    "scan",
    "sha256",
    "sort_key",
    "use_case_location",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class LandedFile:
    """A file that landed: its name, its table (None if it belongs to no table), and its version.

    `fault` says why it cannot be read as a file: it is a symbolic link, a folder, or has an unprintable name.
    """

    name: str
    table: str | None
    version: str = ""
    fault: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedFile:
    """A file that was read to the end once, and its number of rows, well-formed and malformed.

    If the file could not be read, `fault` is the reason and there are no rows. `cached` has the rows of a short file;
    it is None for a long file, whose rows are read again from what `reopen` opens.
    """

    name: str
    sha256: str
    size_bytes: int
    count: int
    cached: tuple[Rows, ...] | None
    reopen: Callable[[], IO[bytes]]
    columns: DeclaredColumns = ANY_COLUMNS
    fault: str = ""

    def batches(self, max_rows: int) -> Iterator[Rows]:
        """Yield the rows as text; rows that are read again come in batches of at most `max_rows`.

        Raises DataError when the file was changed since it was scanned.
        """
        if self.cached is not None:
            yield from self.cached
            return
        with self.reopen() as file:
            _check_unchanged(self.name, file, self.sha256)
            yield from formats.read(self.name, file, max_rows, self.columns)


def period_location(landing: str, use_case: str, period: Period) -> Location:
    """Return the location where the files of `period` land; `landing` is a folder or `s3://bucket/prefix`."""
    return use_case_location(landing, use_case).child(str(period))


def use_case_location(landing: str, use_case: str) -> Location:
    """Return the location of a use case, which has one location for each period."""
    return locations.from_address(landing).child(use_case)


def list_files(location: Location, tables: list[str]) -> list[LandedFile]:
    """Return the files at `location`, sorted; without unfinished ones, which are hidden or end in .tmp or .part.

    If the folder is a symbolic link or a file, its own name is the only one, with the reason. Raises DataError if the
    folder of the use case is.
    """
    try:
        return _list_files(location.entries(), tables)
    except FileError as error:
        return [LandedFile(name=Path(str(location)).name, table=None, version="no folder", fault=str(error))]


def list_files_by_period(location: Location, tables: list[str], first: str, last: str) -> dict[str, list[LandedFile]]:
    """Return the files of each period inside `location`, from the period `first` to `last`, by the period's name."""
    return {name: _list_files(listed, tables) for name, listed in location.entries_by_child(first, last).items()}


def sha256(location: Location, name: str) -> str:
    """Return the SHA-256 of a file's bytes; "" if it cannot be read. Otherwise raises as `Location.open` does."""
    try:
        with tempfile.TemporaryDirectory() as scratch, location.open(name, Path(scratch)) as file:
            return _sha256(file)
    except FileError:
        return ""
    except OSError as error:
        if entries.read_fault(error):
            return ""
        raise


def scan(
    location: Location,
    landed: LandedFile,
    scratch: Path,
    max_cached_rows: int = chunks.MAX_ROWS,
    columns: DeclaredColumns = ANY_COLUMNS,
) -> ScannedFile:
    """Read a file to the end and return it; up to `max_cached_rows` rows are kept in memory.

    A remote file is downloaded to the folder `scratch`, and must stay there while its rows are read. `columns` are
    those of the contract of its table.
    """
    reopen = partial(location.open, landed.name, scratch)
    unreadable = partial(
        ScannedFile, name=landed.name, sha256="", size_bytes=0, count=0, cached=(), reopen=reopen, columns=columns
    )
    if landed.fault:
        return unreadable(fault=f"{landed.name}: {landed.fault}")
    try:
        with reopen() as file:
            return _scan(landed.name, file, max_cached_rows, columns, reopen)
    except FileError as error:
        return unreadable(fault=f"{landed.name}: {error}")
    except OSError as error:
        if fault := entries.read_fault(error):
            return unreadable(fault=f"{landed.name}: {fault}")
        raise


def _scan(
    name: str, file: IO[bytes], max_cached_rows: int, columns: DeclaredColumns, reopen: Callable[[], IO[bytes]]
) -> ScannedFile:
    sha256, size = _sha256(file), file.tell()
    fault = ""
    try:
        count, cached = _scan_rows(name, file, max_cached_rows, columns)
    except DataError as error:
        count, cached, fault = 0, (), str(error)
    if cached is not None:
        file.seek(0)
        _check_unchanged(name, file, sha256)
    return ScannedFile(
        name=name,
        sha256=sha256,
        size_bytes=size,
        count=count,
        cached=cached,
        reopen=reopen,
        columns=columns,
        fault=fault,
    )


def _check_unchanged(name: str, file: IO[bytes], sha256: str) -> None:
    """Raise DataError unless `file` has the content that was scanned."""
    if _sha256(file) != sha256:
        raise DataError(f"{name} was changed during ingestion; nothing was ingested, run this night again")


def _sha256(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # IO[bytes] has readinto


def _scan_rows(
    name: str, file: IO[bytes], max_cached_rows: int, columns: DeclaredColumns
) -> tuple[int, tuple[Rows, ...] | None]:
    count = 0
    cached: list[Rows] = []
    for rows in formats.read(name, file, chunks.MAX_ROWS, columns):
        count += rows.count
        cached = [*cached, rows] if count <= max_cached_rows else []
    return count, tuple(cached) if count <= max_cached_rows else None


def _list_files(listed: Mapping[str, Entry], tables: list[str]) -> list[LandedFile]:
    names = [name for name in listed if not name.startswith((".", "_")) and not name.endswith((".tmp", ".part"))]
    return [
        LandedFile(name=name, table=_table(name, tables), version=listed[name].version, fault=listed[name].fault)
        for name in sorted(names, key=sort_key)
    ]


def _table(name: str, tables: list[str]) -> str | None:
    table = name.split(".", 1)[0]
    return table if table in tables else None


def sort_key(name: str) -> tuple[str, int, str]:
    """Return a sort key that puts the further parts of a table after its first file: a later part takes precedence."""
    table, *rest = name.split(".")
    return table, len(rest), name
