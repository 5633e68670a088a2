"""Read CSV: every line becomes a row or is reported as malformed, and an open quote cannot hide the lines after it.

A file without quotes is split with NumPy, in batches of lines. A file with quotes is read record by record, with its
whole text in memory.
"""

import csv
import io
import json
from collections.abc import Iterator
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

_BOM, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 4 * 1024**2
csv.field_size_limit(2**31 - 1)  # long fields are reported below; the reader's own limit would reject the whole file


def read(file: IO[bytes], max_rows: int) -> Iterator[Rows]:
    """Yield the rows of CSV text in batches of at most `max_rows`.

    Raises DataError when the text is UTF-16, has no header, or has a column twice.
    """
    file.seek(0)
    start = file.read(len(_BOM))
    if start.startswith(_UTF16):
        raise DataError("expected UTF-8 text, got UTF-16; save it as UTF-8 and land it again")
    text_starts = len(_BOM) if start == _BOM else 0
    file.seek(text_starts)
    quoted = _is_quoted(file)
    file.seek(text_starts)
    return _read_quoted(file, max_rows) if quoted else _read_unquoted(file, max_rows)


def _is_quoted(file: IO[bytes]) -> bool:
    """Return whether the text has a quote, or a CR without LF, which only the csv module splits correctly."""
    before = b""
    while block := file.read(_BLOCK):
        text = before + block
        if b'"' in block or text[:-1].count(b"\r") != text.count(b"\r\n"):
            return True
        before = block[-1:]
    return before == b"\r"


def _read_unquoted(file: IO[bytes], max_rows: int) -> Iterator[Rows]:
    """Yield the rows of text without quotes, one per line; lines that do not fit the header are malformed."""
    texts = (line.rstrip(b"\r\n").decode(errors="replace") for line in file)
    number, first = next(((number, text) for number, text in enumerate(texts, 1) if text), (0, ""))
    header = _check_header(first.split(",") if first else [])
    for lines in rows.batches(iter(file), max_rows, b"".join):
        yield _parse_lines(lines.replace(b"\r\n", b"\n"), header, lines_before=number)
        number += lines.count(b"\n")


def _parse_lines(content: bytes, header: list[str], lines_before: int) -> Rows:
    """Return the rows of `content`, which begins after `lines_before` lines of the file."""
    lines = Lines.from_bytes(content)
    numbers = lines.numbers + lines_before
    suspect_lines = np.flatnonzero((lines.commas != len(header) - 1) | lines.suspect)
    faults = {at: _fault(lines.text(at).split(","), header) for at in suspect_lines.tolist()}
    wrong = [at for at, fault in faults.items() if fault]
    keep = np.ones(len(lines), bool)
    keep[wrong] = False
    return Rows(
        well_formed=_frame(lines.select(keep), header, numbers[keep]),
        malformed=rows.malformed([(int(numbers[at]), lines.text(at), faults[at]) for at in wrong]),
    )


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


def _read_quoted(file: IO[bytes], max_rows: int) -> Iterator[Rows]:
    records = _records(file.read().decode(errors="replace"))
    first = next(records, None)
    header = _check_header(first.cells if first else [])
    for batch in rows.batches(records, max_rows, list):
        faults = [(each.line, json.dumps(each.cells), each.fault or _fault(each.cells, header)) for each in batch]
        good = [record for record, (_, _, fault) in zip(batch, faults, strict=True) if not fault]
        well_formed = pd.DataFrame([each.cells for each in good], [each.line for each in good], header, dtype=str)
        yield Rows(well_formed=well_formed, malformed=rows.malformed([each for each in faults if each[2]]))


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells of a record that starts on `line`; or a single malformed line, with its fault."""

    line: int
    cells: list[str]
    fault: str = ""


def _records(text: str) -> Iterator[_Record]:
    """Yield the records of `text`; an unclosed quote makes only its own line malformed, not the lines after it."""
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


def _check_header(names: list[str]) -> list[str]:
    if not names:
        raise DataError("expected a header line, got an empty file")
    duplicate = next((column for column in names if names.count(column) > 1), None)
    if duplicate is not None:
        raise DataError(f"expected each column once, got {duplicate!r} twice; mend the header and land it again")
    return names


def _fault(cells: list[str], header: list[str]) -> str:
    if len(cells) != len(header):
        return f"expected {len(header)} fields, got {len(cells)}"
    return rows.fault(cells)
