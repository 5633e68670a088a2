"""A cell means what the declared format says, to the last bit, or it is refused."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.ingestion.validation import parsing
from ml.usecase import CsvFormat

REFUSED = object()
GERMAN = CsvFormat(
    decimal=",", thousands=".", date_format="%d.%m.%Y", timezone="Europe/Berlin", yes=("ja", "wahr"), no=("nein",)
)
AMERICAN = CsvFormat(thousands=",", instant_format="%m/%d/%Y %I:%M %p", date_format="%m/%d/%Y")
SWISS = CsvFormat(thousands="'")
CASES = [
    ("1.234,5", "float64", GERMAN, 1234.5),
    ("1234,5", "float64", GERMAN, 1234.5),
    ("1.234", "float64", GERMAN, 1234.0),
    ("1.234", "int64", GERMAN, 1234),
    ("-1.234.567,0", "int64", GERMAN, -1234567),
    (",5", "float64", GERMAN, 0.5),
    ("1,5e3", "float64", GERMAN, 1500.0),
    ("12.34", "float64", GERMAN, REFUSED),
    ("1.23", "float64", GERMAN, REFUSED),
    ("1.2345", "float64", GERMAN, REFUSED),
    ("1,234,5", "float64", GERMAN, REFUSED),
    ("1.234.5", "float64", GERMAN, REFUSED),
    (".123", "float64", GERMAN, REFUSED),
    ("1,5", "int64", GERMAN, REFUSED),
    ("Ja", "int64", GERMAN, 1),
    ("NEIN", "float64", GERMAN, 0.0),
    ("wahr", "bool", GERMAN, True),
    ("yes", "bool", GERMAN, True),
    ("jein", "bool", GERMAN, REFUSED),
    ("ja", "str", GERMAN, "ja"),
    ("1.234,5", "str", GERMAN, "1.234,5"),
    ("1,234.5", "float64", AMERICAN, 1234.5),
    ("1234.5", "float64", AMERICAN, 1234.5),
    ("12,34.5", "float64", AMERICAN, REFUSED),
    ("1,5", "float64", AMERICAN, REFUSED),
    ("1'234.5", "float64", SWISS, 1234.5),
    ("1,234.5", "float64", SWISS, REFUSED),
    ("31.12.2024", "datetime64[us]", GERMAN, pd.Timestamp("2024-12-31")),
    ("1.2.2024", "datetime64[us]", GERMAN, pd.Timestamp("2024-02-01")),
    ("2024-12-31", "datetime64[us]", GERMAN, REFUSED),
    ("31.12.24", "datetime64[us]", GERMAN, REFUSED),
    ("31.02.2024", "datetime64[us]", GERMAN, REFUSED),
    ("12/31/2024", "datetime64[us]", AMERICAN, pd.Timestamp("2024-12-31")),
    ("31/12/2024", "datetime64[us]", AMERICAN, REFUSED),
    ("01.07.2024 12:00", "datetime64[us, UTC]", GERMAN, pd.Timestamp("2024-07-01 10:00Z")),
    ("01.07.2024T12:00:00.25", "datetime64[us, UTC]", GERMAN, pd.Timestamp("2024-07-01 10:00:00.25Z")),
    ("01.07.2024 12:00:00.250000000", "datetime64[us, UTC]", GERMAN, pd.Timestamp("2024-07-01 10:00:00.25Z")),
    ("01.07.2024 12:00:00.2500001", "datetime64[us, UTC]", GERMAN, REFUSED),
    ("01.07.2024 12:00Z", "datetime64[us, UTC]", GERMAN, pd.Timestamp("2024-07-01 12:00Z")),
    ("01.07.2024 12:00-04:00", "datetime64[us, UTC]", GERMAN, pd.Timestamp("2024-07-01 16:00Z")),
    ("01.07.2024", "datetime64[us, UTC]", GERMAN, REFUSED),
    ("27.10.2024 02:30", "datetime64[us, UTC]", GERMAN, REFUSED),
    ("31.03.2024 02:30", "datetime64[us, UTC]", GERMAN, REFUSED),
    ("27.10.2024 02:30+01:00", "datetime64[us, UTC]", GERMAN, pd.Timestamp("2024-10-27 01:30Z")),
    ("07/04/2024 12:05 AM", "datetime64[us, UTC]", AMERICAN, pd.Timestamp("2024-07-04 00:05Z")),
    ("7/4/2024 1:05 pm", "datetime64[us, UTC]", AMERICAN, pd.Timestamp("2024-07-04 13:05Z")),
    ("07/04/2024 13:05 PM", "datetime64[us, UTC]", AMERICAN, REFUSED),
    ("2024-07-04T13:05:00Z", "datetime64[us, UTC]", AMERICAN, REFUSED),
]


def value_of(text: str, dtype: str, form: CsvFormat) -> object:
    """Return the value of a cell, or REFUSED."""
    column = parsing.parse(pd.Series([text]), dtype, form=form)
    assert column.texts == [text]
    return REFUSED if column.unreadable[0] else column.values[0]


@pytest.mark.parametrize(("text", "dtype", "form", "expected"), CASES)
def test_a_cell_is_read_as_declared_or_refused(text: str, dtype: str, form: CsvFormat, expected: object) -> None:
    value = value_of(text, dtype, form)
    assert (value is REFUSED) == (expected is REFUSED)
    if expected is not REFUSED:
        assert value == expected


def test_empty_cells_and_never_are_not_rewritten() -> None:
    column = parsing.parse(
        pd.Series(["", "k.A.", "unbefristet", "01.07.2024 12:00"]),
        "datetime64[us, UTC]",
        missing=("", "k.A."),
        never=("unbefristet",),
        form=GERMAN,
    )
    assert column.unreadable.tolist() == [False] * 4
    assert column.never.tolist() == [False, False, True, False]
    assert column.values.isna().tolist() == [True, True, True, False]


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([(",", "."), (",", " "), (".", ","), (",", "'")])
)
@example(-0.0, (",", "."))
@example(1e22, (",", "."))
@example(123456789.125, (",", "."))
def test_every_float_written_with_these_marks_is_the_float_again(number: float, marks: tuple[str, str]) -> None:
    decimal, thousands = marks
    plain = repr(number) if "e" in repr(number) or "E" in repr(number) else f"{number:,}"
    text = plain.translate(str.maketrans({".": decimal, ",": thousands}))
    value = value_of(text, "float64", CsvFormat(decimal=decimal, thousands=thousands))
    assert isinstance(value, float)
    assert value == number
    assert math.copysign(1, value) == math.copysign(1, number)


def at(text: str) -> datetime:
    """Return a local instant without a zone."""
    return datetime.fromisoformat(text)


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Apia",
)
LOCAL = st.datetimes(at("1995-01-01T00:00"), at("2030-01-01T00:00"))
NEAR_A_CHANGE = st.builds(
    lambda start, minutes: start + timedelta(minutes=minutes),
    st.sampled_from([at("2024-10-27T00:00"), at("2024-03-31T00:00"), at("2024-11-03T00:00"), at("2024-03-10T00:00")]),
    st.integers(0, 240),
)


@given(st.one_of(LOCAL, NEAR_A_CHANGE), st.sampled_from(ZONES), st.sampled_from(["refuse", "first", "second"]))
@example(at("2024-10-27T02:30"), "Europe/Berlin", "second")
@example(at("2024-04-07T01:45"), "Australia/Lord_Howe", "first")
@example(at("2011-12-30T12:00"), "Pacific/Apia", "first")
def test_local_instants_are_what_the_zone_says(local: datetime, zone: str, ambiguous: str) -> None:
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    exists = first.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    form = CsvFormat(timezone=zone, ambiguous=ambiguous)  # type: ignore[arg-type]
    value = value_of(f"{local:%Y-%m-%d %H:%M:%S.%f}", "datetime64[us, UTC]", form)
    if not exists or (first != second and ambiguous == "refuse"):
        assert value is REFUSED
    else:
        assert value == (second if ambiguous == "second" else first)


@given(st.one_of(LOCAL, NEAR_A_CHANGE), st.sampled_from(ZONES[:4]))
@example(at("2024-03-31T02:30"), "Europe/Berlin")
@example(at("2024-10-06T02:15"), "Australia/Lord_Howe")
def test_a_skipped_hour_can_be_declared_to_be_shown_by_a_clock_that_was_not_changed(local: datetime, zone: str) -> None:
    form = CsvFormat(timezone=zone, nonexistent="shift", ambiguous="first")
    value = value_of(local.isoformat(), "datetime64[us, UTC]", form)
    assert value == local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def test_a_refusal_says_what_was_expected() -> None:
    column = parsing.parse(pd.Series(["27.10.2024 02:30", "gestern"]), "datetime64[us, UTC]", form=GERMAN)
    assert [each.expected for each in column.refusals] == [
        "an instant like 08.02.2013 17:45:00",
        "an instant that comes once in Europe/Berlin, or with an offset (or declare CsvFormat(ambiguous=))",
    ]
