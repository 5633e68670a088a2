"""Division of long tables into chunks of equal length, so that memory use is bounded."""

from collections.abc import Iterable, Iterator
from math import ceil

from ml.ingestion.intake import FilePart

MAX_ROWS = 500_000


def length(rows: int) -> int:
    """Return the number of rows of a chunk, for a table of `rows` rows: all of them up to `MAX_ROWS`.

    Longer tables are divided evenly, so that rules on a whole table are never applied to a small remainder.

    >>> length(400_000), length(500_001), length(1_200_000)
    (400000, 250001, 400000)
    """
    return ceil(rows / ceil(rows / MAX_ROWS)) if rows else MAX_ROWS


def split(parts: Iterable[FilePart], length: int) -> Iterator[list[FilePart]]:
    """Yield the pieces of each chunk of `length` rows; there is at least one chunk, which may be empty.

    `parts` are in the order of validation, which starts with the last part of the table. The pieces of a chunk are in
    the reverse order, which `intake.ingest_table` expects.
    """
    chunk: list[FilePart] = []
    room = length
    for part in parts:
        rest = part
        while rest.row_count > room:
            if room:
                piece, rest = rest.split(room)
                chunk = [piece, *chunk]
            yield chunk
            chunk, room = [], length
        chunk, room = [rest, *chunk], room - rest.row_count
    yield chunk
