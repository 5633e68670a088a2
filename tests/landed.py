"""Read landed files in one batch."""

import io
from collections.abc import Iterable
from pathlib import Path

from include.stores.landing import formats
from include.stores.landing.rows import Rows

ALL = 10**9


def rows(name: str, content: bytes) -> Rows:
    """Return the rows of a file with this name and content."""
    (all_rows,) = formats.read(name, io.BytesIO(content), ALL)
    return all_rows


def rows_of(path: Path) -> Rows:
    """Return the rows of a file."""
    return rows(path.name, path.read_bytes())


def all_lines(batches: Iterable[Rows]) -> tuple[list[object], list[object]]:
    """Return the well-formed and the malformed rows of all batches, each with its line number."""
    read = list(batches)
    well_formed = [row for each in read for row in each.well_formed.astype(object).itertuples(name=None)]
    return well_formed, [row for each in read for row in each.malformed.itertuples(name=None)]
