"""The rows of a file as text, each with its line number."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, TypeVar

import pandas as pd

from ml.errors import DataError
from ml.ingestion.declared_columns import DeclaredColumns
from ml.ingestion.reason_text import as_one

LONGEST_CELL = 100_000
UNDECODABLE = "\ufffd"
BOM, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
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


def text_start(file: IO[bytes]) -> int:
    """Return the position at which the text of `file` begins, after a byte order mark; raises DataError for UTF-16."""
    file.seek(0)
    start = file.read(len(BOM))
    if start.startswith(_UTF16):
        raise DataError(
            "expected UTF-8 text, got UTF-16: declare Table(csv=CsvFormat(encoding='utf-16')), or save it as UTF-8"
        )
    return len(BOM) if start == BOM else 0


def check_names(names: list[str], columns: DeclaredColumns) -> None:
    """Raise DataError when a column name is not UTF-8 text, or occurs twice; names that may not be shown are counted."""
    counts = Counter(names)
    for position, name in enumerate(names, 1):
        if not is_text(name):
            raise DataError(f"expected column names in UTF-8, got other bytes in the name of column {position}")
        if counts[name] > 1:
            shown = columns.show(name, position)
            raise DataError(f"expected each column once, got {shown} twice; mend the header and land it again")


def malformed(rows: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Return malformed rows as a frame; `rows` has the line number, the text and the only reason of each."""
    return pd.DataFrame(
        {"text": [text for _, text, _ in rows], "reasons": [as_one(reason) for _, _, reason in rows]},
        [line for line, _, _ in rows],
        dtype=object,
    )


def fault(cells: list[str]) -> str:
    """Return why the cells of a row are not acceptable text, or an empty text if they are."""
    longest = max(map(len, cells), default=0)
    if longest > LONGEST_CELL:
        return f"expected fields of at most {LONGEST_CELL:,} characters, got {longest:,}"
    text = "".join(cells)
    return "" if is_text(text) else "expected UTF-8 text, got bytes that are not"


def is_text(text: str) -> bool:
    """Return whether a decoded text came from UTF-8 and has no NUL."""
    return UNDECODABLE not in text and "\0" not in text and _encodable(text)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can contain
        return False
    return True
