"""What a reader makes of a landed file, all at once."""

import io
from collections.abc import Iterable
from pathlib import Path

from include.stores.landing import formats
from include.stores.landing.rows import Rows

ALL = 10**9


def rows(name: str, content: bytes) -> Rows:
    """Return the rows of a file `name` that holds `content`."""
    (all_rows,) = formats.read(name, io.BytesIO(content), ALL)
    return all_rows


def rows_of(path: Path) -> Rows:
    """Return the rows of a file."""
    return rows(path.name, path.read_bytes())


def told(batches: Iterable[Rows]) -> tuple[list[object], list[object]]:
    """Return the cells and the malformed lines of all batches, each with its line."""
    both = list(batches)
    fit = [row for each in both for row in each.well_formed.astype(object).itertuples(name=None)]
    return fit, [row for each in both for row in each.malformed.itertuples(name=None)]
