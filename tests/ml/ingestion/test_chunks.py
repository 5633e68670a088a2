"""A long table is cut evenly, in the order of parts and lines; judged in stretches, it divides as it does whole."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.typing import Series

from ml.ingestion import chunks, intake
from ml.ingestion.intake import FilePart, IngestResult
from ml.ingestion.validation import SeenKeys
from ml.usecase import Night, Reference, Table, periods


class Visit(pa.DataFrameModel):
    """A visit to a zone: rules of a cell, of a row, a unique column and a unique pair."""

    class Config:
        strict = True
        unique = ("zone", "stamp")

    day: Series[pd.Timestamp]
    who: Series[float] = pa.Field(nullable=True, ge=0)
    zone: Series[str] = pa.Field(isin=["north", "south", "moon"])
    stamp: Series[str] = pa.Field(nullable=True)
    ticket: Series[float] = pa.Field(unique=True)

    @pa.dataframe_check(error="one goes south alone")
    def south_is_for_some(cls, rows: pd.DataFrame) -> "Series[bool]":
        return (rows["zone"] != "south") | (rows["who"] != 1)


ZONES = Reference(columns=("zone",), table="zones", to=("name",))
STAMPS = Reference(columns=("stamp",), table="stamps", on_missing="warn")
TABLE = Table(name="visits", schema="Visit", key=("day", "who"), night="day", references=(ZONES, STAMPS))
KNOWN = {ZONES: pd.DataFrame({"name": ["north", "south"]}), STAMPS: pd.DataFrame({"stamp": ["a"]})}
COLUMNS = ["day", "who", "zone", "stamp", "ticket"]
HORIZON, PERIOD = Night(hour=2, timezone="UTC"), periods.parse("2013-02-07..2013-02-08")


def take(parts: list[FilePart], seen: SeenKeys | None = None) -> IngestResult:
    return intake.ingest_table(parts, TABLE, Visit, HORIZON, PERIOD, KNOWN, seen_keys=seen)


def part(file: str, rows: list[tuple[str, ...]]) -> FilePart:
    """Return rows of a file; those that have fewer cells than columns are malformed."""
    fit = {line: row for line, row in enumerate(rows, 2) if len(row) == len(COLUMNS)}
    odd = {line: row for line, row in enumerate(rows, 2) if line not in fit}
    return FilePart(
        file=file,
        rows=pd.DataFrame(list(fit.values()), list(fit), COLUMNS, dtype=str).astype("category"),
        malformed=pd.DataFrame({"text": list(map(str, odd.values())), "reasons": "odd"}, list(odd), dtype=object),
    )


def divided(*taken: IngestResult) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]], Counter[str]]:
    """Return valid rows with their files, quarantined ones with place and reasons, and rows that only warn."""
    valid, held, warned = Counter[tuple[object, ...]](), Counter[tuple[object, ...]](), Counter[str]()
    for each in taken:
        rows = each.valid.assign(file=each.row_files).astype(str)
        valid.update(rows.itertuples(index=False, name=None))
        held.update(each.quarantined.itertuples(index=False, name=None))
        warned.update({finding.reason: finding.row_count for finding in each.warnings})
    return valid, held, warned


CELLS = st.tuples(
    st.sampled_from(["2013-02-07", "2013-02-08", "2013-02-09", "day"]),
    st.sampled_from(["", "0", "-0", "1", "2", "-1", "x"]),
    st.sampled_from(["north", "south", "moon", "sea", ""]),
    st.sampled_from(["", "a", "b", "nan", "None"]),
    st.integers(0, 12).map(str),
)
ROWS = st.lists(st.one_of(CELLS, CELLS, CELLS, st.tuples(st.just("cut"))), max_size=12)
FILES = st.lists(ROWS, min_size=1, max_size=3)


@settings(max_examples=50)
@given(FILES, st.integers(1, 9))
def test_a_table_judged_in_stretches_divides_as_it_does_whole(files: list[list[tuple[str, ...]]], length: int) -> None:
    parts = [part(f"a.{n}.csv", rows) for n, rows in enumerate(files)]
    seen = SeenKeys()
    in_stretches = [take(stretch, seen) for stretch in chunks.split(reversed(parts), length)]
    assert divided(*in_stretches) == divided(take(parts))


@given(FILES, st.integers(1, 9))
def test_stretches_are_of_one_length_and_hold_every_row_once_in_order(
    files: list[list[tuple[str, ...]]], length: int
) -> None:
    parts = [part(f"a.{n}.csv", rows) for n, rows in enumerate(files)]
    cut = list(chunks.split(reversed(parts), length))
    sizes = [sum(each.row_count for each in stretch) for stretch in cut]
    assert all(size == length for size in sizes[:-1])
    assert sizes[-1] > 0 or len(cut) == 1
    pieces = [each for stretch in cut for each in reversed(stretch) if each.row_count]
    places = [(each.file, line) for each in pieces for line in sorted([*each.rows.index, *each.malformed.index])]
    assert places == [(each.file, n + 2) for each in reversed(parts) for n in range(each.row_count)]


@pytest.mark.parametrize(
    ("rows", "length", "stretched"),
    [(0, 500_000, 1), (1, 1, 1), (500_000, 500_000, 1), (500_001, 250_001, 2), (1_000_010, 333_337, 3)],
    ids=["none", "one", "as long as may be", "one more", "a handful more"],
)
def test_stretches_are_even(rows: int, length: int, stretched: int) -> None:
    assert chunks.length(rows) == length
    assert -(-max(rows, 1) // length) == stretched


def test_the_row_of_a_later_part_stands_in_whichever_stretch_it_is() -> None:
    day = "2013-02-08"
    early = part("a.csv", [(day, str(who), "north", str(who), str(who)) for who in range(6)])
    late = part("a.late.csv", [(day, "4", "north", "9", "9")])
    seen = SeenKeys()
    taken = [take(stretch, seen) for stretch in chunks.split([late, early], 2)]
    files = {row.who: file for each in taken for row, file in zip(each.valid.itertuples(), each.row_files, strict=True)}
    assert files == {4: "a.late.csv"} | dict.fromkeys((0, 1, 2, 3, 5), "a.csv")


class Few(Visit):
    """A table of at least two rows."""

    @pa.dataframe_check(error="fewer than two rows")
    def are_some(cls, rows: pd.DataFrame) -> bool:
        return len(rows) >= 2


def test_a_rule_of_the_table_that_one_stretch_breaks_is_told_and_refuses_its_rows() -> None:
    one = part("a.csv", [("2013-02-08", "0", "north", "a", "0")])
    taken = intake.ingest_table([one], TABLE, Few, HORIZON, PERIOD, KNOWN, seen_keys=SeenKeys())
    assert taken.broken_rule == "the table as a whole breaks its contract: fewer than two rows"
    assert (len(taken.quarantined), taken.refused_files) == (1, {"a.csv": taken.broken_rule})


def test_a_rule_of_the_table_is_not_asked_of_a_stretch_without_a_row() -> None:
    other = part("a.csv", [("2013-02-08", "0", "north", "a", "0")])
    misnamed = replace(other, rows=other.rows.rename(columns={"who": "whom"}))
    taken = intake.ingest_table([misnamed], TABLE, Few, HORIZON, PERIOD, KNOWN, seen_keys=SeenKeys())
    assert (taken.broken_rule, list(taken.refused_files), len(taken.quarantined)) == ("", ["a.csv"], 1)


def test_a_part_is_split_where_its_lines_say() -> None:
    whole = part("a.csv", [("cut",), *[("2013-02-08", str(n), "north", "a", str(n)) for n in range(4)], ("cut",)])
    pieces = [whole.split(count) for count in range(1, whole.row_count)]
    assert all((one.row_count, one.row_count + other.row_count) == (n, 6) for n, (one, other) in enumerate(pieces, 1))
    lines = [[*sorted([*one.rows.index, *one.malformed.index])] for one, _ in pieces]
    assert all(shorter == longer[:-1] for shorter, longer in pairwise(lines))
