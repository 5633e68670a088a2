"""The rows of a file as text, each with its line number."""

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
    """The rows of a batch.

    `well_formed` has the rows that match the header, as text in which empty means missing. `malformed` has the lines
    that could not be read as rows, in the columns `text` and `reasons`. Both are indexed by line number; for Parquet it
    is the row number, counted from 1.
    """

    well_formed: pd.DataFrame
    malformed: pd.DataFrame

    @property
    def count(self) -> int:
        """The number of rows, well-formed and malformed."""
        return len(self.well_formed) + len(self.malformed)


def batches(items: Iterator[_Item], max_items: int, collect: Callable[[Iterator[_Item]], _Batch]) -> Iterator[_Batch]:
    """Yield `collect` applied to batches of at most `max_items` items; without items, to one empty batch."""
    yield collect(islice(items, max_items))
    while batch := collect(islice(items, max_items)):
        yield batch


def malformed(rows: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Return malformed rows as a frame; `rows` has the line number, the text and the reason of each."""
    return pd.DataFrame(
        {"text": [text for _, text, _ in rows], "reasons": [reason for _, _, reason in rows]},
        [line for line, _, _ in rows],
        dtype=object,
    )


def fault(cells: list[str]) -> str:
    """Return why the cells of a row are not acceptable text, or an empty text if they are."""
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
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can contain
        return False
    return True
