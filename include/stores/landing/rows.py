"""A file's rows as text, each with the line it came from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import pandas as pd

LONGEST_CELL = 100_000
UNDECODABLE = "\ufffd"
_Item = TypeVar("_Item")
_Batch = TypeVar("_Batch")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """`fit` has the rows that fit the header (text, empty = missing), `malformed` those that could not be read as rows.

    Both are indexed by line (a Parquet file's row, counted from 1); `malformed` has the columns `text` and `reasons`.
    """

    well_formed: pd.DataFrame
    malformed: pd.DataFrame

    @property
    def count(self) -> int:
        """How many rows came, of either kind."""
        return len(self.well_formed) + len(self.malformed)


def batches(items: Iterator[_Item], max_items: int, collect: Callable[[Iterator[_Item]], _Batch]) -> Iterator[_Batch]:
    """Yield what `gather` makes of `items`, at most `most` at once; a single empty one when there are none."""
    yield collect(islice(items, max_items))
    while batch := collect(islice(items, max_items)):
        yield batch


def malformed(rows: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Return rows that are none: for each its line, its text and the reason."""
    return pd.DataFrame(
        {"text": [text for _, text, _ in rows], "reasons": [reason for _, _, reason in rows]},
        [line for line, _, _ in rows],
        dtype=object,
    )


def fault(cells: list[str]) -> str:
    """Return why the cells of a row cannot be taken as text, or nothing."""
    longest = max(map(len, cells), default=0)
    if longest > LONGEST_CELL:
        return f"expected fields of at most {LONGEST_CELL:,} characters, got {longest:,}"
    text = "".join(cells)
    if UNDECODABLE in text or "\0" in text or not _encodable(text):
        return "expected UTF-8 text, got bytes that are not"
    return ""


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON can write it
        return False
    return True
