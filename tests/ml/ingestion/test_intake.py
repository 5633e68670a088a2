"""All files of a table together: nothing is lost, the later part stands, and what is referred to must be there."""

import json

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.typing import Series

from ml.ingestion import intake
from ml.ingestion.intake import FilePart, IngestResult
from ml.usecase import Night, Reference, Table, periods


class Visit(pa.DataFrameModel):
    """A visit to a zone, by day."""

    class Config:
        strict = True

    day: Series[pd.Timestamp]
    who: Series[float] = pa.Field(ge=0)
    zone: Series[str]

    @pa.dataframe_check(error="more than nine rows")
    def are_few(cls, rows: pd.DataFrame) -> bool:
        return len(rows) < 10


ZONES = Reference(columns=("zone",), table="zones", to=("name",))
KNOWN = pd.DataFrame({"name": ["north", "south"]})


def table(*references: Reference) -> Table:
    return Table(name="visits", schema="Visit", key=("day", "who"), night="day", references=references)


def part(file: str, *rows: tuple[str, str], columns: tuple[str, ...] = ("day", "who", "zone")) -> FilePart:
    frame = pd.DataFrame([("2013-02-08", *row) for row in rows], range(2, len(rows) + 2), list(columns), dtype=str)
    return FilePart(file=file, rows=frame, malformed=pd.DataFrame({"text": [], "reasons": []}, dtype=object))


def take(*parts: FilePart, of: Table | None = None, hidden: tuple[str, ...] = ()) -> IngestResult:
    known = dict.fromkeys((of or table()).references, KNOWN)
    period, horizon = periods.parse("2013-02-08"), Night(hour=2, timezone="UTC")
    return intake.ingest_table(parts, of or table(), Visit, horizon, period, known, hidden)


def held(taken: IngestResult) -> list[tuple[str, int, str]]:
    return list(taken.quarantined[["file", "line", "reasons"]].itertuples(index=False, name=None))


def test_the_row_of_a_later_part_stands() -> None:
    taken = take(part("a.csv", ("1", "north"), ("2", "north")), part("a.late.csv", ("1", "south")))
    assert dict(zip(taken.valid["who"], taken.valid["zone"], strict=True)) == {1: "south", 2: "north"}
    assert held(taken) == [("a.csv", 2, "repeats the key (day, who) of a row that was kept")]


def test_a_part_with_other_columns_is_refused_and_the_others_are_taken() -> None:
    taken = take(part("a.csv", ("1", "north")), part("a.b.csv", ("2", "south"), columns=("day", "who", "area")))
    assert (len(taken.valid), list(taken.refused_files)) == (1, ["a.b.csv"])
    assert held(taken)[0][2].startswith(
        "the whole file: expected the columns ['day', 'who', 'zone']; missing: ['zone']"
    )


def test_a_table_that_breaks_its_contract_is_refused_with_all_its_parts() -> None:
    taken = take(*(part(f"a.{n}.csv", *((f"{n}{m}", "north") for m in range(5))) for n in (1, 2)))
    assert (len(taken.valid), len(taken.quarantined), sorted(taken.refused_files)) == (0, 10, ["a.1.csv", "a.2.csv"])


def test_a_held_row_keeps_its_text() -> None:
    taken = take(part("a.csv", (" x ", "north")))
    assert json.loads(taken.quarantined["text"].iloc[0]) == {"day": "2013-02-08", "who": " x ", "zone": "north"}


def test_a_malformed_row_counts_and_keeps_its_line() -> None:
    odd = pd.DataFrame({"text": ["1"], "reasons": ["expected 3 fields, got 1"]}, [7])
    taken = take(FilePart(file="a.csv", rows=part("", ("1", "north")).rows, malformed=odd))
    assert (taken.rows_in, held(taken)) == (2, [("a.csv", 7, "expected 3 fields, got 1")])


def test_a_row_that_refers_to_what_is_not_there_is_held() -> None:
    taken = take(part("a.csv", ("1", "north"), ("2", "moon")), of=table(ZONES))
    assert held(taken) == [("a.csv", 3, "zone: expected one that is in zones, got moon")]


def test_a_reference_may_only_warn() -> None:
    warns = Reference(columns=("zone",), table="zones", to=("name",), on_missing="warn")
    taken = take(part("a.csv", ("1", "north"), ("2", "moon")), of=table(warns))
    reported = [finding.describe() for finding in taken.warnings]
    assert (len(taken.valid), reported) == (2, ["zone: expected one that is in zones, got moon (1 rows)"])


@pytest.mark.parametrize("otherwise", ["quarantine", "warn"])
def test_a_hidden_value_that_refers_to_nothing_is_not_told(otherwise: str) -> None:
    reference = Reference(columns=("zone",), table="zones", to=("name",), on_missing=otherwise)
    taken = take(part("a.csv", ("1", "moon")), of=table(reference), hidden=("zone",))
    assert "moon" not in str([taken.warnings, list(taken.quarantined["reasons"])])


class Loose(pa.DataFrameModel):
    """A contract that leaves other columns out."""

    day: Series[pd.Timestamp]
    who: Series[float]
    zone: Series[str]


def test_a_column_that_is_left_out_is_told_once() -> None:
    named = part("a.csv", ("1", "north"))
    came = FilePart(file=named.file, rows=named.rows.assign(tip="1"), malformed=named.malformed)
    period, horizon = periods.parse("2013-02-08"), Night(hour=2, timezone="UTC")
    taken = intake.ingest_table([came], table(), Loose, horizon, period, {})
    reported = [finding.reason for finding in taken.warnings]
    assert reported == ["columns that are not in the contract were left out: tip"]


def test_no_files_are_no_rows() -> None:
    taken = take()
    assert (taken.rows_in, len(taken.valid), len(taken.quarantined)) == (0, 0, 0)


CELL = st.sampled_from(["1", "2", "3", "", "x", "north", "moon", "2013-02-08"])
PARTS = st.lists(st.lists(st.tuples(CELL, CELL), max_size=5), max_size=3)


@settings(max_examples=60)
@given(PARTS)
def test_rows_in_are_valid_plus_quarantined_and_each_keeps_its_place(parts: list[list[tuple[str, str]]]) -> None:
    taken = take(*(part(f"a.{n}.csv", *rows) for n, rows in enumerate(parts)), of=table(ZONES))
    places = set(taken.quarantined[["file", "line"]].itertuples(index=False, name=None))
    came = {(f"a.{n}.csv", line + 2) for n, rows in enumerate(parts) for line in range(len(rows))}
    assert (taken.rows_in, len(places)) == (len(came), len(taken.quarantined))
    assert places <= came
    assert len(taken.valid) + len(taken.quarantined) == len(came)
