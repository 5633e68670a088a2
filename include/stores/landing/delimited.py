"""Comma-separated text to rows: every line becomes a row or is named malformed, and none swallows another.

A file without quotes is split by arrays, at the speed of its bytes; one with quotes is read record by record.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from include.stores.landing import rows
from include.stores.landing.rows import LONGEST_CELL, UNDECODABLE, Rows
from ml.arrays import Booleans, Integers
from ml.errors import DataError

_BOM, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_NEWLINE, _COMMA, _NUL, _ASCII = 10, 44, 0, 127
csv.field_size_limit(2**31 - 1)  # a longer field is told of below; the reader's own limit would end the whole file


def read(content: bytes) -> Rows:
    """Return the rows of CSV text; raises DataError when it has no header, or names a column twice."""
    if content.startswith(_UTF16):
        raise DataError("expected UTF-8 text, got UTF-16; save it as UTF-8 and land it again")
    content = content.removeprefix(_BOM)
    quoted = b'"' in content or content.count(b"\r") != content.count(b"\r\n")
    return _quoted(content) if quoted else _plain(content.replace(b"\r\n", b"\n"))


def _plain(content: bytes) -> Rows:
    """Return the rows of text without quotes: its lines, but for those that are not a row."""
    lines = _Lines.of(content)
    header = _header(lines.text(0).split(",")) if len(lines) else _header([])
    odd = (lines.commas != len(header) - 1) | lines.suspect
    odd[0] = True
    faults = [
        (int(lines.numbers[at]), lines.text(at), _fault(lines.text(at).split(","), header))
        for at in np.flatnonzero(odd)[1:]
    ]
    wrong = {number for number, _, fault in faults if fault}
    keep = ~np.isin(lines.numbers, list(wrong))
    keep[0] = False
    body = lines.bytes_of(keep)
    return Rows(fit=_frame(body, header, lines.numbers[keep]), malformed=rows.malformed(_told(faults)))


def _frame(body: bytes, header: list[str], numbers: Integers) -> pd.DataFrame:
    if not body:
        return pd.DataFrame(columns=header, dtype=str)
    table = pyarrow.csv.read_csv(
        io.BytesIO(body),
        read_options=pyarrow.csv.ReadOptions(column_names=header, block_size=max(len(body), 1)),
        parse_options=pyarrow.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.dictionary(pa.int32(), pa.string())),
            strings_can_be_null=False,
        ),
    )
    return pd.DataFrame({name: table[name].to_pandas() for name in header}).set_axis(numbers)


def _quoted(content: bytes) -> Rows:
    records = list(_records(content.decode(errors="replace")))
    header = _header(records[0].cells if records else [])
    faults = [(each.line, json.dumps(each.cells), each.fault or _fault(each.cells, header)) for each in records[1:]]
    good = [record for record, (_, _, fault) in zip(records[1:], faults, strict=True) if not fault]
    fit = pd.DataFrame([each.cells for each in good], [each.line for each in good], header, dtype=str)
    return Rows(fit=fit, malformed=rows.malformed(_told(faults)))


def _told(faults: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    return [each for each in faults if each[2]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lines:
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
    def of(cls, content: bytes) -> "_Lines":
        text = np.frombuffer(content, np.uint8)
        ends = np.append(np.flatnonzero(text == _NEWLINE), len(text)).astype(np.int64)
        starts = np.append(0, ends[:-1] + 1).astype(np.int64)
        there = np.flatnonzero(ends > starts)
        starts, ends = starts[there], ends[there]
        decodable = _is_utf8(content) and UNDECODABLE.encode() not in content
        suspicious = text == _NUL if decodable else (text == _NUL) | (text > _ASCII)
        return cls(
            content=content,
            starts=starts,
            ends=ends,
            numbers=there + 1,
            commas=_counted(text == _COMMA, starts, ends),
            suspect=(_counted(suspicious, starts, ends) > 0) | (ends - starts > LONGEST_CELL),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, at: int) -> str:
        """Return a line, undecodable bytes replaced."""
        return self.content[self.starts[at] : self.ends[at]].decode(errors="replace")

    def bytes_of(self, keep: Booleans) -> bytes:
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


def _counted(marks: Booleans, starts: Integers, ends: Integers) -> Integers:
    """Return how many `marks` lie between each start and end."""
    places = np.flatnonzero(marks)
    counted: Integers = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    return counted


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells of a record that starts on `line`, or one line that is none, and why."""

    line: int
    cells: list[str]
    fault: str = ""


def _records(text: str) -> Iterator[_Record]:
    """Yield what is on the lines; a quote that was left open costs its own line, not those that it would swallow."""
    lines, at, width = list(io.StringIO(text, newline="")), 0, 0
    while at < len(lines):
        first, reader = at, csv.reader(map(lines.__getitem__, range(at, len(lines))), strict=True)
        try:
            for cells in reader:
                end = first + reader.line_num
                if end - at > 1 and width and len(cells) != width:
                    raise csv.Error(f"a record of {len(cells)} fields over {end - at} lines")
                if cells:
                    width = width or len(cells)
                    yield _Record(at + 1, cells)
                at = end
        except csv.Error as error:
            yield _Record(at + 1, [lines[at].rstrip("\r\n")], f"expected comma-separated values, got {error}")
            at += 1


def _header(names: list[str]) -> list[str]:
    if not names:
        raise DataError("expected a header line, got an empty file")
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        raise DataError(f"expected each column once, got {twice!r} twice; mend the header and land it again")
    return names


def _fault(cells: list[str], header: list[str]) -> str:
    if len(cells) != len(header):
        return f"expected {len(header)} fields, got {len(cells)}"
    return rows.fault(cells)
