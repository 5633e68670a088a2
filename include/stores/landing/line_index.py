"""Split a text into lines with NumPy: the position of each line, and which lines need a closer check."""

from dataclasses import dataclass

import numpy as np

from include.stores.landing.rows import LONGEST_CELL, UNDECODABLE
from ml.arrays import Booleans, Integers

_NEWLINE, _NUL, _ASCII = 10, 0, 127


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """The non-empty lines of a text: start, end, line number and number of delimiters of each, as arrays of one shape (n,).

    `suspect` marks the lines that must be checked one by one: those with a NUL, with bytes that are not ASCII in a text
    that is not UTF-8, or longer than the longest cell allowed.
    """

    content: bytes
    starts: Integers
    ends: Integers
    numbers: Integers
    delimiters: Integers
    suspect: Booleans

    @classmethod
    def from_bytes(cls, content: bytes, delimiter: str = ",") -> "Lines":
        """Return the lines of `content`, in which every line ends in LF."""
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
            delimiters=_count_between(text == ord(delimiter), starts, ends),
            suspect=(_count_between(suspicious, starts, ends) > 0) | (ends - starts > LONGEST_CELL),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, index: int) -> str:
        """Return the text of a line, with undecodable bytes replaced."""
        return self.content[self.starts[index] : self.ends[index]].decode(errors="replace")

    def select(self, keep: Booleans) -> bytes:
        """Return the text of the lines that the mask `keep` marks, separated by LF."""
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
    """Return the number of `marks` between each start and end."""
    positions = np.flatnonzero(marks)
    counts: Integers = np.searchsorted(positions, ends) - np.searchsorted(positions, starts)
    return counts
