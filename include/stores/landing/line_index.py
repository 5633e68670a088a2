"""A text split into lines by arrays: where each is, and which are to be looked at one by one."""

from dataclasses import dataclass

import numpy as np

from include.stores.landing.rows import LONGEST_CELL, UNDECODABLE
from ml.arrays import Booleans, Integers

_NEWLINE, _COMMA, _NUL, _ASCII = 10, 44, 0, 127


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """The lines of a text that are not empty: where each starts and ends, its number, and its commas.

    `suspect` marks those to be looked at one by one: with a NUL, with bytes that are not ASCII in a text that is not
    UTF-8, or longer than a cell may be.
    """

    content: bytes
    starts: Integers
    ends: Integers
    numbers: Integers
    commas: Integers
    suspect: Booleans

    @classmethod
    def from_bytes(cls, content: bytes) -> "Lines":
        """Return the lines of `content`, whose lines end in LF alone."""
        text = np.frombuffer(content, np.uint8)
        ends = np.append(np.flatnonzero(text == _NEWLINE), len(text)).astype(np.int64)
        starts = np.append(0, ends[:-1] + 1).astype(np.int64)
        non_empty = np.flatnonzero(ends > starts)
        starts, ends = starts[non_empty], ends[non_empty]
        decodable = _is_utf8(content) and UNDECODABLE.encode() not in content
        suspicious = text == _NUL if decodable else (text == _NUL) | (text > _ASCII)
        return cls(
            content=content,
            starts=starts,
            ends=ends,
            numbers=non_empty + 1,
            commas=_count_between(text == _COMMA, starts, ends),
            suspect=(_count_between(suspicious, starts, ends) > 0) | (ends - starts > LONGEST_CELL),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, index: int) -> str:
        """Return a line, undecodable bytes replaced."""
        return self.content[self.starts[index] : self.ends[index]].decode(errors="replace")

    def select(self, keep: Booleans) -> bytes:
        """Return the lines under `keep`, each with its line end."""
        kept = np.flatnonzero(keep)
        if len(kept) and self.numbers[kept[-1]] - self.numbers[kept[0]] + 1 == len(kept):
            return self.content[self.starts[kept[0]] : self.ends[kept[-1]]]
        return b"".join(self.content[self.starts[at] : self.ends[at]] + b"\n" for at in kept)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _count_between(marks: Booleans, starts: Integers, ends: Integers) -> Integers:
    """Return how many `marks` lie between each start and end."""
    positions = np.flatnonzero(marks)
    counts: Integers = np.searchsorted(positions, ends) - np.searchsorted(positions, starts)
    return counts
