"""Broken files, each with its verdict: whatever comes, no good row of the night is lost and an alert says what was."""

import csv
import gzip
import io
import json
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.include.steps.conftest import Night

ROWS = 60
Change = Callable[[bytes], bytes]


def on_line(number: int, change: Callable[[str], str]) -> Change:
    """Change the line `number`, counted from 1 as editors do."""

    def changed(content: bytes) -> bytes:
        lines = content.decode().splitlines(keepends=True)
        lines[number - 1] = change(lines[number - 1])
        return "".join(lines).encode(errors="surrogateescape")

    return changed


def cell(column: str, value: str, line: int = 5) -> Change:
    """Put `value` into one cell, quoted as CSV wants it."""

    def changed(content: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode())))
        rows[line - 1][rows[0].index(column)] = value
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue().encode(errors="surrogateescape")

    return changed


def frame(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)


def parquet(content: bytes, **cells: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame(content).assign(**cells), preserve_index=False), buffer)
    return buffer.getvalue()


def jsonl(content: bytes) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in frame(content).to_dict("records")).encode()


def mixed_line_ends(content: bytes) -> bytes:
    lines = content.split(b"\n")
    return b"\r\n".join(lines[:20]) + b"\n" + b"\n".join(lines[20:])


def typed_parquet(content: bytes) -> bytes:
    """The night as another system would write it: numbers and instants with types of their own."""
    typed = frame(content).assign(
        ride=lambda rows: rows["ride"].astype(int),
        kilometres=lambda rows: rows["kilometres"].astype(float),
        pickup_at=lambda rows: pd.to_datetime(rows["pickup_at"]),
        ride_date=lambda rows: pd.to_datetime(rows["ride_date"]),
    )
    buffer = io.BytesIO()
    typed.to_parquet(buffer)
    return buffer.getvalue()


TAKEN: list[tuple[str, str, Change]] = [
    ("as it is", "bookings.csv", lambda content: content),
    ("gzip", "bookings.csv.gz", gzip.compress),
    ("JSON lines", "bookings.jsonl", jsonl),
    ("Parquet of text", "bookings.parquet", parquet),
    ("Parquet of types", "bookings.parquet", typed_parquet),
    ("BOM", "bookings.csv", lambda content: b"\xef\xbb\xbf" + content),
    ("mixed line ends", "bookings.csv", mixed_line_ends),
    ("blank lines", "bookings.csv", lambda content: content + b"\n\n"),
    ("columns in another order", "bookings.csv", lambda c: frame(c).iloc[:, ::-1].to_csv(index=False).encode()),
]

ROW: list[tuple[str, Change, str]] = [
    ("wrong type", cell("kilometres", "far"), "kilometres: expected a finite number, got 'far'"),
    ("1e400", cell("kilometres", "1e400"), "kilometres: expected a finite number, got '1e400'"),
    ("NA", cell("kilometres", "NA"), "kilometres: expected a finite number, got 'NA'"),
    (
        "leading zeros are a number, a letter O is none",
        cell("ride", "0O3"),
        "ride: expected a whole number, got '0O3'",
    ),
    ("out of range", cell("kilometres", "-1"), "kilometres: expected greater_than(0), got -1.0"),
    ("unknown category", cell("zone", "moon"), "zone: expected isin(['north', 'south', 'harbour']), got moon"),
    ("CSV formula", cell("zone", '=HYPERLINK("http://x")'), "zone: expected isin"),
    ("empty cell", cell("zone", ""), "zone: expected a value, got an empty cell"),
    ("another night's row", cell("ride_date", "2024-03-18"), "expected a row of 2024-03-17, got one of 2024-03-18"),
    ("future date", cell("ride_date", "2099-01-01"), "expected a row of 2024-03-17, got one of 2099-01-01"),
    ("a key twice", cell("ride", "7", line=5), "repeats the key (ride_date, ride) of a row that was kept"),
    ("too many fields", on_line(5, lambda line: line.rstrip("\n") + ",1\n"), "expected 5 fields, got 6"),
    ("too few fields", on_line(5, lambda line: "cut\n"), "expected 5 fields, got 1"),
    ("wrong encoding", on_line(5, lambda line: line.replace("o", "\udcf6", 1)), "expected UTF-8 text, got bytes"),
    ("NUL", on_line(5, lambda line: "\0" + line), "expected UTF-8 text, got bytes"),
    ("8 MB field", cell("zone", "x" * 8_000_000), "expected fields of at most 100,000 characters, got 8,000,000"),
    ("quote never closed", on_line(5, lambda line: '"' + line), "expected values separated by ',', got"),
]

FILE: list[tuple[str, str, Change, int, str]] = [
    ("empty", "bookings.csv", lambda _: b"", 0, "expected a header line, got an empty file"),
    ("renamed column", "bookings.csv", lambda c: c.replace(b"kilometres", b"km", 1), ROWS, "missing: ['kilometres']"),
    ("extra column", "bookings.csv", lambda c: frame(c).assign(tip="1").to_csv(index=False).encode(), ROWS, "['tip']"),
    ("a column twice", "bookings.csv", lambda c: c.replace(b"kilometres", b"zone", 1), 0, "got 'zone' twice"),
    ("UTF-16", "bookings.csv", lambda c: c.decode().encode("utf-16"), 0, "expected UTF-8 text, got UTF-16"),
    ("cut gzip", "bookings.csv.gz", lambda c: gzip.compress(c)[:-20], 0, "expected a whole gzip file"),
    ("gzip bomb", "bookings.csv.gz", lambda c: gzip.compress(c + bytes(1 << 27)), 0, "to hold at most 67,108,864"),
    ("cut Parquet", "bookings.parquet", lambda c: parquet(c)[:-30], 0, "expected a whole Parquet file"),
    ("no Parquet", "bookings.parquet", lambda c: c, 0, "expected a whole Parquet file"),
    ("another format", "bookings.xlsx", lambda c: c, 0, "expected a name that ends in one of .csv, .parquet"),
]


def named(cases: list[tuple[object, ...]]) -> list[object]:
    return [pytest.param(*case[1:], id=str(case[0])) for case in cases]


def land(night: Night, name: str, change: Change) -> None:
    """Put the changed bookings in place of the night's."""
    content = change(night.fetch("bookings.csv"))
    if name != "bookings.csv":
        night.remove("bookings.csv")
    night.place.put(name, content)


@pytest.mark.parametrize(("name", "change"), named(TAKEN))
def test_a_file_in_any_good_form_is_taken(night: Night, name: str, change: Change) -> None:
    land(night, name, change)
    night.take()
    valid = night.stage("valid", "bookings")
    assert (len(valid), len(night.stage("quarantine", "bookings"))) == (ROWS, 0)
    assert (valid["kilometres"].dtype, night.alerts()) == (float, [])


@pytest.mark.parametrize(("change", "reason"), named(ROW))
def test_a_bad_row_is_quarantined_with_its_file_line_and_reason(night: Night, change: Change, reason: str) -> None:
    land(night, "bookings.csv", change)
    counts = night.take()
    (row,) = night.stage("quarantine", "bookings").to_dict("records")
    assert (row["file"], row["reasons"][: len(reason)]) == ("bookings.csv", reason)
    assert (counts["rows_in"] - counts["rows_valid"], len(night.stage("valid", "bookings"))) == (1, ROWS - 1)
    (alert,) = night.alerts()
    assert alert.message.startswith(f"1 rows of bookings.csv quarantined: {reason}")


@pytest.mark.parametrize(("name", "change", "rows", "reason"), named(FILE))
def test_a_bad_file_is_quarantined_whole_and_the_others_are_taken(
    night: Night, name: str, change: Change, rows: int, reason: str
) -> None:
    land(night, name, change)
    night.take()
    file = night.files()[name]
    assert (file.status, file.rows_in, file.rows_quarantined) == ("quarantined", rows, rows)
    assert reason in file.reason
    assert (len(night.stage("valid", "rides")), len(night.stage("quarantine", "bookings"))) == (ROWS, rows)
    assert [reason in alert.message for alert in night.alerts() if alert.kind == "file"] == [True]
