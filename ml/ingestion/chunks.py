"""A table too long to be judged at once: its rows in stretches of even length, so that memory stays what one wants."""

from collections.abc import Iterable, Iterator
from math import ceil

from ml.ingestion.intake import FilePart

MAX_ROWS = 500_000


def length(rows: int) -> int:
    """Return how many rows a stretch has, in a table of `rows`: all of them, where they are at most `LONGEST`.

    Longer tables are divided evenly, so that no rule of a table is asked of a handful that was left over.
    """
    return ceil(rows / ceil(rows / MAX_ROWS)) if rows else MAX_ROWS


def split(parts: Iterable[FilePart], length: int) -> Iterator[list[FilePart]]:
    """Yield the pieces of which each stretch of `length` rows is made, at least one stretch, be it without a row.

    `parts` come as they are judged, the last part of the table first. The pieces of a stretch go the other way, in the
    order of parts that `intake.take` expects.
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
