"""The landing area: files as they came, one folder (or S3 prefix) for each use case and period, never changed.

A file is named after its table: `rides.csv`, or `rides.late.csv` for another part of it. CSV, gzipped CSV, Parquet and
JSON lines are all read as text, so that the contract judges what is there and no reader guesses.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from include.stores.files import locations
from include.stores.files.locations import Bucket, Folder, Place
from include.stores.landing import formats
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.ingestion import chunks
from ml.periods import Period

__all__ = [
    "Arrival",
    "Bucket",
    "Folder",
    "Landed",
    "Place",
    "area",
    "arrivals",
    "arrivals_below",
    "look",
    "order",
    "place",
    "sha256",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A file that landed: its name, the table that it is a part of (None: no table's), and its stamp."""

    name: str
    table: str | None
    stamp: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """A file that was looked through from end to end, and how many rows it has, of either kind.

    `fault` says why it could not be read at all, and then there are no rows. `kept` are the rows of a short file; those
    of a long one (None) are read again from `path`.
    """

    name: str
    sha256: str
    size_bytes: int
    count: int
    path: Path
    kept: tuple[Rows, ...] | None
    fault: str = ""

    def batches(self, most: int) -> Iterator[Rows]:
        """Yield the rows as text, those that are read again at most `most` at once.

        Raises DataError when the file no longer has the bytes that were looked through.
        """
        if self.kept is not None:
            yield from self.kept
            return
        with self.path.open("rb") as file:
            if _sha256(file) != self.sha256:
                raise DataError(f"{self.name} was changed while it was taken; run this night again, nothing was taken")
            yield from formats.read(self.name, file, most)


def place(landing: str, use_case: str, period: Period) -> Place:
    """Return where the files of `period` land; `landing` is a folder or `s3://bucket/prefix`."""
    return area(landing, use_case).within(str(period))


def area(landing: str, use_case: str) -> Place:
    """Return the place in which each period of a use case has its own."""
    return locations.at(landing).within(use_case)


def arrivals(place: Place, tables: list[str]) -> list[Arrival]:
    """Return the files that are there by name; unfinished ones (hidden, or ending in .tmp or .part) are not yet."""
    return _arrivals(place.stamps(), tables)


def arrivals_below(place: Place, tables: list[str], first: str, last: str) -> dict[str, list[Arrival]]:
    """Return the same of each place inside `place`, by its name, of those from `first` to `last`."""
    return {name: _arrivals(stamps, tables) for name, stamps in place.below(first, last).items()}


def sha256(place: Place, name: str) -> str:
    """Return the SHA-256 of a file's bytes; raises what `Place.bring` does."""
    with tempfile.TemporaryDirectory() as scratch, place.bring(name, Path(scratch)).open("rb") as file:
        return _sha256(file)


def look(place: Place, arrival: Arrival, scratch: Path, keep: int = chunks.LONGEST) -> Landed:
    """Return the file, looked through; its rows are kept in memory when they are at most `keep`.

    What is not on this machine is brought to the folder `scratch`, and must stay there as long as rows are asked for.
    """
    path = place.bring(arrival.name, scratch)
    with path.open("rb") as file:
        sha256, size = _sha256(file), file.tell()
        fault = ""
        try:
            count, kept = _looked_through(arrival.name, file, keep)
        except DataError as refused:
            count, kept, fault = 0, (), str(refused)
    return Landed(name=arrival.name, sha256=sha256, size_bytes=size, count=count, path=path, kept=kept, fault=fault)


def _sha256(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # IO[bytes] has readinto, unsaid


def _looked_through(name: str, file: IO[bytes], keep: int) -> tuple[int, tuple[Rows, ...] | None]:
    count = 0
    kept: list[Rows] = []
    for rows in formats.read(name, file, chunks.LONGEST):
        count += rows.count
        kept = [*kept, rows] if count <= keep else []
    return count, tuple(kept) if count <= keep else None


def _arrivals(stamps: Mapping[str, str], tables: list[str]) -> list[Arrival]:
    names = [name for name in stamps if not name.startswith((".", "_")) and not name.endswith((".tmp", ".part"))]
    return [Arrival(name=name, table=_table(name, tables), stamp=stamps[name]) for name in sorted(names, key=order)]


def _table(name: str, tables: list[str]) -> str | None:
    table = name.split(".", 1)[0]
    return table if table in tables else None


def order(name: str) -> tuple[str, int, str]:
    """Return a key that sorts the parts of a table after the table's own file: a later part supersedes."""
    table, *rest = name.split(".")
    return table, len(rest), name
