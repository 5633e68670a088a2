"""Read CSV: every line becomes a row or is reported as malformed, and an open quote cannot hide the lines after it.

A file without quotes is split with NumPy, in batches of lines. A file with quotes is read record by record.
"""

import codecs
import csv
import io
import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from include.stores.landing import rows
from include.stores.landing.line_index import Lines
from include.stores.landing.rows import Rows
from ml.arrays import Integers
from ml.errors import DataError
from ml.ingestion.declared_columns import ANY_COLUMNS, DeclaredColumns

_DELIMITERS = (";", "\t", "|", ",", ":")
_BLOCK, _MAX_RECORD = 4 * 1024**2, 16 * 1024**2
csv.field_size_limit(2**31 - 1)  # long fields are reported below; the reader's own limit would reject the whole file


def read(file: IO[bytes], max_rows: int, columns: DeclaredColumns = ANY_COLUMNS) -> Iterator[Rows]:
    """Yield the rows of CSV text in batches of at most `max_rows`.

    Raises DataError when the text is UTF-16, has no header, or has a column twice.
    """
    with _in_utf8(file, columns.csv.encoding) as text:
        text_start = rows.text_start(text)
        text.seek(text_start)
        quoted = _is_quoted(text)
        text.seek(text_start)
        read_text = _read_quoted if quoted else _read_unquoted
        yield from read_text(text, max_rows, columns)


@contextmanager
def _in_utf8(file: IO[bytes], encoding: str) -> Iterator[IO[bytes]]:
    """Yield the file in UTF-8, rewritten in a temporary one if it has another encoding; what cannot be decoded is marked.

    Raises DataError if the file is not in this encoding at all.
    """
    if codecs.lookup(encoding).name == "utf-8":
        yield file
        return
    decode = codecs.getincrementaldecoder(encoding)(errors="replace").decode
    file.seek(0)
    with tempfile.TemporaryFile() as rewritten:
        try:
            while block := file.read(_BLOCK):
                rewritten.write(decode(block).encode())
            rewritten.write(decode(b"", True).encode())
        except UnicodeError as fault:
            raise DataError(f"expected text in {encoding}, as CsvFormat declares, got other bytes ({fault})") from None
        yield rewritten


def _is_quoted(file: IO[bytes]) -> bool:
    """Return whether the text has a quote, or a CR without LF, which only the csv module splits correctly."""
    before = b""
    while block := file.read(_BLOCK):
        text = before + block
        if b'"' in block or text[:-1].count(b"\r") != text.count(b"\r\n"):
            return True
        before = block[-1:]
    return before == b"\r"


def _read_unquoted(file: IO[bytes], max_rows: int, columns: DeclaredColumns) -> Iterator[Rows]:
    """Yield the rows of text without quotes, one per line; lines that do not fit the header are malformed."""
    texts = (line.rstrip(b"\r\n").decode(errors="replace") for line in file)
    number, first = next(((number, text) for number, text in enumerate(texts, 1) if text), (0, ""))
    delimiter = columns.csv.delimiter
    header = _check_header(first.split(delimiter) if first else [], columns)
    for lines in rows.batches(iter(file), max_rows, b"".join):
        yield _parse_lines(lines.replace(b"\r\n", b"\n"), header, delimiter, lines_before=number)
        number += lines.count(b"\n")


def _parse_lines(content: bytes, header: list[str], delimiter: str, lines_before: int) -> Rows:
    """Return the rows of `content`, which begins after `lines_before` lines of the file."""
    lines = Lines.from_bytes(content, delimiter)
    numbers = lines.numbers + lines_before
    suspect_lines = np.flatnonzero((lines.delimiters != len(header) - 1) | lines.suspect)
    faults = {at: _fault(lines.text(at).split(delimiter), header) for at in suspect_lines.tolist()}
    wrong = [at for at, fault in faults.items() if fault]
    keep = np.ones(len(lines), bool)
    keep[wrong] = False
    return Rows(
        well_formed=_frame(lines.select(keep), header, delimiter, numbers[keep]),
        malformed=rows.malformed([(int(numbers[at]), lines.text(at), faults[at]) for at in wrong]),
    )


def _frame(body: bytes, header: list[str], delimiter: str, numbers: Integers) -> pd.DataFrame:
    if not body:
        return pd.DataFrame(columns=header, dtype=str)
    if body.startswith(rows.BOM):  # of a cell: Arrow takes the first for the mark of a file
        body = rows.BOM + body
    table = pyarrow.csv.read_csv(
        io.BytesIO(body),
        read_options=pyarrow.csv.ReadOptions(column_names=header, block_size=max(len(body), 1)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.dictionary(pa.int32(), pa.string())),
            strings_can_be_null=False,
        ),
    )
    texts = zip(header, table.itercolumns(), strict=True)  # `table[name]` searches all columns
    return pd.DataFrame({name: column.to_pandas() for name, column in texts}).set_axis(numbers)


def _read_quoted(file: IO[bytes], max_rows: int, columns: DeclaredColumns) -> Iterator[Rows]:
    text = io.TextIOWrapper(file, "utf-8", "replace", newline="")
    try:
        records = _records(text, columns.csv.delimiter)
        first = next(records, None)
        header = _check_header(first.cells if first else [], columns)
        for batch in rows.batches(records, max_rows, list):
            yield _rows_of(batch, header)
    finally:
        text.detach()  # the file belongs to the caller


def _rows_of(batch: "list[_Record]", header: list[str]) -> Rows:
    faults = [each.fault or _fault(each.cells, header) for each in batch]
    good = [record for record, fault in zip(batch, faults, strict=True) if not fault]
    well_formed = pd.DataFrame([each.cells for each in good], [each.line for each in good], header, dtype=str)
    malformed = [(each.line, json.dumps(each.cells), fault) for each, fault in zip(batch, faults, strict=True) if fault]
    return Rows(well_formed=well_formed, malformed=rows.malformed(malformed))


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells of the record that starts on `line`; or one line that is not a record, and why."""

    line: int
    cells: list[str]
    fault: str = ""


class _RecordLines:
    """An iterator over the lines of a text that remembers those of the current record, so that they can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._again = lines, deque[str]()
        self._current: list[str] = []
        self._characters, self.first_line = 0, 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._current and self._characters > _MAX_RECORD:
            raise csv.Error(f"a record of more than {_MAX_RECORD:,} characters")
        line = self._again.popleft() if self._again else next(self._lines)
        self._current.append(line)
        self._characters += len(line)
        return line

    @property
    def count(self) -> int:
        """The number of lines of the current record."""
        return len(self._current)

    def accept(self) -> None:
        """Go on to the next record."""
        self.first_line += len(self._current)
        self._current, self._characters = [], 0

    def reject(self) -> str:
        """Return the first line of the current record; the others are read again, as records of their own."""
        first, *others = self._current
        self._again.extendleft(reversed(others))
        self._current = [first]
        self.accept()
        return first


def _records(text: Iterable[str], delimiter: str) -> Iterator[_Record]:
    """Yield each record; if a quote is left open, its line is malformed, and the lines after it are read again.

    No more than one record is in memory. The lines of a rejected record are scanned once more, so the time is linear
    in the length of the text: a scan ends at the next line with an odd number of quotes.
    """
    lines, width = _RecordLines(iter(text)), 0
    while True:
        try:
            for cells in csv.reader(lines, strict=True, delimiter=delimiter):
                if lines.count > 1 and width and len(cells) != width:
                    raise csv.Error(f"a record of {len(cells)} fields over {lines.count} lines")
                if cells:
                    width = width or len(cells)
                    yield _Record(lines.first_line, cells)
                lines.accept()
        except csv.Error as error:
            line = lines.first_line
            content = lines.reject().rstrip("\r\n")
            yield _Record(line, [content], f"expected values separated by {delimiter!r}, got {error}")
        else:
            return


def _check_header(names: list[str], columns: DeclaredColumns) -> list[str]:
    if not names:
        raise DataError("expected a header line, got an empty file")
    rows.check_names(names, columns)
    if (other := _probable_delimiter(names, columns)) is not None:
        raise DataError(
            f"expected columns separated by {columns.csv.delimiter!r}, got one column; {other!r} is probably the "
            f"delimiter: declare Table(csv=CsvFormat(delimiter={other!r}))"
        )
    return names


def _probable_delimiter(names: list[str], columns: DeclaredColumns) -> str | None:
    """Return the character at which a header of one column has most declared names; None if it is as declared."""
    if len(names) > 1 or len(columns.names) < 2 or names[0] in columns.names:
        return None
    known = {
        each: len({part.strip('"') for part in names[0].split(each)}.intersection(columns.names))
        for each in _DELIMITERS
    }
    best = max(known, key=lambda each: known[each])
    return best if known[best] > 1 else None


def _fault(cells: list[str], header: list[str]) -> str:
    if len(cells) != len(header):
        return f"expected {len(header)} fields, got {len(cells)}"
    return rows.fault(cells)
