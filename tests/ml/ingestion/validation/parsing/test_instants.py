"""An instant is read exactly or refused, whatever else is in its column, over the whole range of its type."""

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.ingestion.validation import parsing

NS, US, DAY = "datetime64[ns, UTC]", "datetime64[us, UTC]", "datetime64[ns]"
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - the strategy takes naive bounds


def read(dtype: str, *texts: str) -> list[datetime | None]:
    """Return the instant of each text; None if it is refused."""
    column = parsing.parse(pd.Series(list(texts)), dtype)
    values = column.to_series(pd.RangeIndex(len(texts)))
    return [None if pd.isna(value) else value.to_pydatetime(warn=False) for value in values]


@given(st.lists(st.tuples(INSTANTS, OFFSETS), min_size=1, max_size=5))
def test_every_instant_of_microseconds_is_read_exactly(instants: list[tuple[datetime, timezone]]) -> None:
    texts = [instant.replace(tzinfo=offset).isoformat(sep=" ") for instant, offset in instants]
    expected = [instant.replace(tzinfo=offset).astimezone(UTC) for instant, offset in instants]
    assert read(US, *texts) == expected


@given(st.lists(INSTANTS, min_size=1, max_size=5))
def test_in_nanoseconds_an_instant_is_read_exactly_or_refused(instants: list[datetime]) -> None:
    first, last = datetime(1677, 9, 21, 0, 12, 43, 145225, UTC), datetime(2262, 4, 11, 23, 47, 16, 854775, UTC)
    expected = [each if first <= each <= last else None for each in (one.replace(tzinfo=UTC) for one in instants)]
    assert read(NS, *(f"{each.isoformat()}Z" for each in instants)) == expected


@given(st.lists(st.text("0123456789-:TZ+. ", max_size=26) | INSTANTS.map(str), max_size=6), st.randoms())
def test_the_value_of_a_cell_does_not_depend_on_other_cells(texts: list[str], chance: object) -> None:
    together = read(US, *texts)
    assert together == [read(US, text)[0] for text in texts]
    order = sorted(range(len(texts)), key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert read(US, *(texts[index] for index in order)) == [together[index] for index in order]


REFUSED = [
    *("now", "today", "TODAY", "NaT", "nan", "infinity", "never", "0", "2024", "2024-03", "20240316", "1710615600"),
    *("2024-03-16", "24-03-16T10:00Z", "2024-3-16T10:00Z", "2024-03-16T1:00Z", "2024-03-16T10Z", "2024-03-16T24:00Z"),
    *("2024-02-30T10:00Z", "2023-02-29T10:00Z", "2024-13-01T10:00Z", "2024-03-16T10:60Z", "2024-03-16T10:00:60Z"),
    *("2024-03-16T10:00+5", "2024-03-16T10:00+24:00", "2024-03-16T10:00+05:60", "2024-03-16T10:00 UTC"),
    *("2024-03-16T10:00:00.1234567Z", "2024-03-16T10:00:00,5Z", "16.03.2024 10:00", "03/16/2024 10:00"),
    *("２０２４-03-16T10:00Z", "٢٠٢٤-03-16T10:00Z", "+2024-03-16T10:00Z", "12024-03-16T10:00Z", "2024-W11-6T10:00Z"),
]


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("dtype", [NS, US])
def test_what_is_no_instant_is_refused(dtype: str, text: str) -> None:
    assert read(dtype, text, "2024-03-16T10:00Z") == [None, datetime(2024, 3, 16, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("2024-03-16T10:00+05:30", -330), ("2024-03-16 10:00-0800", 480), ("2024-03-16T10:00+01", -60)],
)
def test_an_offset_is_applied(text: str, minutes: int) -> None:
    assert read(NS, text) == [datetime(2024, 3, 16, 10, tzinfo=UTC) + timedelta(minutes=minutes)]


def test_a_fraction_that_ends_in_zeros_is_no_finer_than_a_microsecond() -> None:
    assert read(NS, "2024-03-16T10:00:00.123456000Z") == [datetime(2024, 3, 16, 10, 0, 0, 123456, tzinfo=UTC)]


@given(st.dates())
def test_every_date_is_read_exactly_or_refused(date: object) -> None:
    (read_date,) = read(DAY, str(date))
    fits = "1677-09-22" <= str(date) <= "2262-04-11"
    assert (None if read_date is None else str(read_date.date())) == (str(date) if fits else None)


@pytest.mark.parametrize(
    "text", ["today", "2024", "20240316", "2024-3-16", "2024-02-30", "16.03.2024", "2024-03-16T10:00"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    assert read(DAY, text) == [None]
