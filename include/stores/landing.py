"""The landing area: files as they came, one folder for each use case and period, never changed."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ml.errors import DataError
from ml.nights import Period

_UNDECODABLE = "\ufffd"
_LONGEST = 100_000
csv.field_size_limit(2**31 - 1)  # a longer field is told of below; the reader's own limit would end the whole file


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """A file read as text: `rows` fit its header; `malformed` could not be read as rows. Indexes are line numbers."""

    name: str
    sha256: str
    rows: pd.DataFrame
    malformed: pd.DataFrame


def folder(landing: Path, use_case: str, period: Period) -> Path:
    """Return where the files of `period` land."""
    return landing / use_case / str(period)


def read(folder: Path, table: str) -> Landed:
    """Return the file of `table`; raises DataError when it is missing or has no header."""
    path = folder / f"{table}.csv"
    if not path.exists():
        raise DataError(f"expected the file {path}; land it and run this night again, nothing was taken")
    content = path.read_bytes()
    records = list(_records(content.decode("utf-8-sig", errors="replace")))
    if not records:
        raise DataError(f"{path.name}: expected a header line, got an empty file")
    header, *body = records
    _check_header(path.name, header.cells)
    faults = [_fault(record, header.cells) for record in body]
    good = [record for record, fault in zip(body, faults, strict=True) if not fault]
    bad = [(record, fault) for record, fault in zip(body, faults, strict=True) if fault]
    return Landed(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        rows=pd.DataFrame([record.cells for record in good], [record.line for record in good], header.cells, dtype=str),
        malformed=pd.DataFrame(
            {"text": [json.dumps(record.cells) for record, _ in bad], "reasons": [fault for _, fault in bad]},
            [record.line for record, _ in bad],
        ),
    )


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


def _check_header(name: str, header: list[str]) -> None:
    twice = next((column for column in header if header.count(column) > 1), None)
    if twice is not None:
        raise DataError(
            f"{name}: expected each column once, got {twice!r} twice; mend the header and run this night again"
        )


def _fault(record: _Record, header: list[str]) -> str:
    if record.fault:
        return record.fault
    if len(record.cells) != len(header):
        return f"expected {len(header)} fields, got {len(record.cells)}"
    if any(len(cell) > _LONGEST for cell in record.cells):
        return f"expected fields of at most {_LONGEST:,} characters, got {max(map(len, record.cells)):,}"
    if any(_UNDECODABLE in cell or "\0" in cell for cell in record.cells):
        return "expected UTF-8 text, got bytes that are not"
    return ""
