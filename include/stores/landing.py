"""The landing area: files as they came, one folder for each use case and period, never changed."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ml.errors import DataError
from ml.nights import Period

_UNDECODABLE = "\ufffd"


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
    records, lines = _records(path.name, content.decode("utf-8-sig", errors="replace"))
    if not records:
        raise DataError(f"{path.name}: expected a header line, got an empty file")
    header, *body = records
    readable = [fault == "" for fault in (_fault(record, header) for record in body)]
    rows = [record for record, good in zip(body, readable, strict=True) if good]
    bad = [record for record, good in zip(body, readable, strict=True) if not good]
    places = lines[1:]
    return Landed(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        rows=pd.DataFrame(
            rows, columns=header, index=[p for p, good in zip(places, readable, strict=True) if good], dtype=str
        ),
        malformed=pd.DataFrame(
            {"text": [json.dumps(record) for record in bad], "reasons": [_fault(record, header) for record in bad]},
            index=[p for p, good in zip(places, readable, strict=True) if not good],
        ),
    )


def _records(name: str, text: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    records, lines = [], []
    try:
        for record in reader:
            if record:
                records.append(record)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: expected comma-separated values, got {error}") from None
    return records, lines


def _fault(record: list[str], header: list[str]) -> str:
    if len(record) != len(header):
        return f"expected {len(header)} fields, got {len(record)}"
    if any(_UNDECODABLE in cell or "\0" in cell for cell in record):
        return "expected UTF-8 text, got bytes that are not"
    return ""
