"""The landing area: files as they came, one folder (or S3 prefix) for each use case and period, never changed.

A file is named after its table: `rides.csv`, or `rides.late.csv` for another part of it. CSV, gzipped CSV, Parquet and
JSON lines are all read as text, so that the contract judges what is there and no reader guesses.
"""

import hashlib
from dataclasses import dataclass

from include.stores.landing import formats, places
from include.stores.landing.places import Bucket, Folder, Place
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.nights import Period

__all__ = ["Arrival", "Bucket", "Folder", "Landed", "Place", "arrivals", "order", "place", "read"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A file that landed: its name, and the table that it is a part of (None: no table's)."""

    name: str
    table: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """A file read as text; `fault` says why it could not be read at all, and then there are no rows."""

    name: str
    sha256: str
    size_bytes: int
    rows: Rows
    fault: str = ""


def place(landing: str, use_case: str, period: Period) -> Place:
    """Return where the files of `period` land; `landing` is a folder or `s3://bucket/prefix`."""
    return places.at(landing).within(use_case).within(str(period))


def arrivals(place: Place, tables: list[str]) -> list[Arrival]:
    """Return the files that are there by name; unfinished ones (hidden, or ending in .tmp or .part) are not yet."""
    names = [name for name in place.names() if not name.startswith((".", "_")) and not name.endswith((".tmp", ".part"))]
    return [Arrival(name=name, table=_table(name, tables)) for name in sorted(names, key=order)]


def read(place: Place, arrival: Arrival) -> Landed:
    """Return the file as text, whatever it holds."""
    content = place.fetch(arrival.name)
    try:
        rows, fault = formats.read(arrival.name, content), ""
    except DataError as refused:
        rows, fault = Rows.none(), str(refused)
    return Landed(
        name=arrival.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        rows=rows,
        fault=fault,
    )


def _table(name: str, tables: list[str]) -> str | None:
    table = name.split(".", 1)[0]
    return table if table in tables else None


def order(name: str) -> tuple[str, int, str]:
    """Return a key that sorts the parts of a table after the table's own file: a later part supersedes."""
    table, *rest = name.split(".")
    return table, len(rest), name
