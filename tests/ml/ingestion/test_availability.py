import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.ingestion import availability
from ml.usecase import Delay, Night, Table, periods

HORIZON = Night(hour=2, timezone="America/New_York")
WEATHER = Table(name="weather", schema="Weather", key=("at",), known_at=Delay(after="at", hours=1))
OUTCOMES = Table(name="outcomes", schema="Outcomes", key=("at",), known_at="at")
FARES = Table(name="fares", schema="Fares", key=("at",))
TRIPS = Table(name="trips", schema="Trips", key=("at",), night="day")
FUTURE = "known only after the cutoff, 2013-02-08 07:00 UTC"


def rows(*at: str) -> pd.DataFrame:
    return pd.DataFrame({"at": pd.to_datetime(list(at), utc=True)})


def placed(table: Table, period: str, *at: str) -> list[tuple[str, str, str]]:
    """Return (night, known at, refusal) of each row."""
    arrived = availability.assign_nights(rows(*at), table, HORIZON, periods.parse(period))
    known = arrived.rows["known_at"].dt.strftime("%d %H:%M")
    return list(zip(arrived.rows["night"].str[8:], known, arrived.refusal_reasons, strict=True))


@pytest.mark.parametrize(
    ("table", "at", "expected"),
    [
        pytest.param(OUTCOMES, "2013-02-07 20:00", ("08", "07 20:00", ""), id="in time"),
        pytest.param(OUTCOMES, "2013-02-08 07:00", ("08", "08 07:00", ""), id="at the cutoff"),
        pytest.param(OUTCOMES, "2013-02-08 07:01", ("08", "08 07:01", FUTURE), id="after the cutoff"),
        pytest.param(OUTCOMES, "2013-02-07 07:01", ("08", "07 07:01", ""), id="just after the cutoff before"),
        pytest.param(OUTCOMES, "2013-02-07 07:00", ("08", "08 07:00", ""), id="late by a moment"),
        pytest.param(OUTCOMES, "2013-01-01 00:00", ("08", "08 07:00", ""), id="late by a month"),
        pytest.param(WEATHER, "2013-02-08 06:00", ("08", "08 07:00", ""), id="delayed to the cutoff"),
        pytest.param(WEATHER, "2013-02-08 06:30", ("08", "08 07:30", FUTURE), id="delayed past the cutoff"),
        pytest.param(FARES, "2013-02-09 00:00", ("08", "08 07:00", ""), id="known by the cutoff as declared"),
    ],
)
def test_a_row_of_one_night_becomes_known_when_it_could_and_had_come(
    table: Table, at: str, expected: tuple[str, str, str]
) -> None:
    assert placed(table, "2013-02-08", at) == [expected]


@pytest.mark.parametrize(
    ("at", "night", "known"),
    [
        pytest.param("2012-12-01 00:00", "06", "06 07:00", id="late: the first night"),
        pytest.param("2013-02-06 07:00", "06", "06 07:00", id="at a cutoff: that night"),
        pytest.param("2013-02-06 07:01", "07", "06 07:01", id="after a cutoff: the next"),
        pytest.param("2013-02-08 06:59", "08", "08 06:59", id="before the last cutoff: the last"),
    ],
)
def test_a_row_of_a_bulk_window_belongs_to_the_first_night_that_could_know_it(at: str, night: str, known: str) -> None:
    assert placed(OUTCOMES, "2013-02-06..2013-02-08", at) == [(night, known, "")]


def test_a_row_from_after_the_last_cutoff_of_a_bulk_window_is_refused() -> None:
    assert [refusal for _, _, refusal in placed(OUTCOMES, "2013-02-06..2013-02-08", "2013-02-09")] == [FUTURE]


@pytest.mark.parametrize(
    ("period", "at", "night"),
    [
        pytest.param("2013-03-09..2013-03-11", "2013-03-10 07:00", "10", id="at the skipped hour"),
        pytest.param("2013-03-09..2013-03-11", "2013-03-10 07:01", "11", id="after the skipped hour"),
        pytest.param("2013-03-09..2013-03-11", "2013-03-11 06:00", "11", id="the night after, an hour earlier in UTC"),
        pytest.param("2013-11-02..2013-11-04", "2013-11-03 07:00", "03", id="at two after the hour came twice"),
        pytest.param("2013-11-02..2013-11-04", "2013-11-03 07:01", "04", id="after two o'clock"),
    ],
)
def test_rows_around_a_change_of_the_clock_find_their_night(period: str, at: str, night: str) -> None:
    assert [result for result, _, refusal in placed(OUTCOMES, period, at) if not refusal] == [night]


def test_an_entity_of_another_night_is_refused_by_name() -> None:
    trips = pd.DataFrame({"at": [1, 2], "day": pd.to_datetime(["2013-02-08", "2013-02-09"])})
    arrived = availability.assign_nights(trips, TRIPS, HORIZON, periods.parse("2013-02-08"))
    assert list(arrived.refusal_reasons) == ["", "expected a row of 2013-02-08, got one of 2013-02-09"]


def test_a_row_without_a_night_is_refused() -> None:
    for days in ([None, "2013-02-08"], [None, None]):
        trips = pd.DataFrame({"at": [1, 2], "day": pd.to_datetime(pd.Series(days))})
        arrived = availability.assign_nights(trips, TRIPS, HORIZON, periods.parse("2013-02-08"))
        refused = "expected a row of 2013-02-08, got one that names no night"
        assert list(arrived.refusal_reasons) == [refused if day is None else "" for day in days]


def test_an_entity_is_known_at_the_cutoff_of_the_night_it_names() -> None:
    trips = pd.DataFrame({"at": [1, 2], "day": pd.to_datetime(["2013-03-10", "2013-03-11"])})
    arrived = availability.assign_nights(trips, TRIPS, HORIZON, periods.parse("2013-03-10..2013-03-11"))
    assert list(arrived.rows["night"]) == ["2013-03-10", "2013-03-11"]
    assert list(arrived.rows["known_at"]) == [
        pd.Timestamp("2013-03-10 07", tz="UTC"),
        pd.Timestamp("2013-03-11 06", tz="UTC"),
    ]


@pytest.mark.parametrize("table", [OUTCOMES, WEATHER, FARES, TRIPS], ids=lambda table: table.name)
def test_no_rows_are_placed_as_no_rows(table: Table) -> None:
    empty = rows().assign(day=pd.to_datetime([]))
    arrived = availability.assign_nights(empty, table, HORIZON, periods.parse("2013-02-08"))
    assert {"known_at", "night"} <= set(arrived.rows)
    assert len(arrived.rows) == len(arrived.refusal_reasons) == 0


def test_placing_rows_leaves_the_rows_given_as_they_were() -> None:
    given_rows = rows("2013-02-07 20:00")
    availability.assign_nights(given_rows, OUTCOMES, HORIZON, periods.parse("2013-02-08"))
    pd.testing.assert_frame_equal(given_rows, rows("2013-02-07 20:00"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-3 * 24, 12 * 24), min_size=1, max_size=20))
def test_a_row_taken_is_known_by_the_cutoff_of_its_night_and_not_by_that_before(hours: list[int]) -> None:
    at = pd.Timestamp("2013-03-08", tz="UTC") + pd.to_timedelta(hours, unit="h")
    arrived = availability.assign_nights(
        pd.DataFrame({"at": at}), OUTCOMES, HORIZON, periods.parse("2013-03-08..2013-03-14")
    )
    taken = arrived.rows[arrived.refusal_reasons == ""]
    for known, night in zip(taken["known_at"], pd.to_datetime(taken["night"]), strict=True):
        before = HORIZON.cutoff((night - pd.Timedelta(days=1)).date())
        assert before < known <= HORIZON.cutoff(night.date())


@pytest.mark.parametrize(
    ("at", "night", "known"),
    [
        pytest.param("2013-01-01", "2013-02-01", "2013-02-01 07:00", id="late: the first night"),
        pytest.param("2013-02-01 07:01", "2013-03-01", "2013-02-01 07:01", id="after a cutoff: a month later"),
        pytest.param("2013-04-01 06:00", "2013-04-01", "2013-04-01 06:00", id="at the last cutoff"),
    ],
)
def test_where_nights_are_months_a_row_waits_for_the_next_first(at: str, night: str, known: str) -> None:
    monthly = Night(hour=2, timezone="America/New_York", every="month")
    arrived = availability.assign_nights(rows(at), OUTCOMES, monthly, periods.parse("2013-02-01..2013-04-01"))
    assert arrived.rows["night"].tolist() == [night]
    assert arrived.rows["known_at"].tolist() == [pd.Timestamp(known, tz="UTC")]


def test_a_row_of_no_known_instant_is_refused() -> None:
    arrived = availability.assign_nights(
        pd.DataFrame({"at": [pd.NaT]}, dtype="datetime64[ns, UTC]"), OUTCOMES, HORIZON, periods.parse("2013-02-08")
    )
    assert arrived.refusal_reasons.tolist() == ["does not say when it became known"]


@pytest.mark.parametrize(
    ("table", "at", "refusal"),
    [
        pytest.param(OUTCOMES, "9999-12-31 23:59:59.999999", FUTURE, id="far future"),
        pytest.param(WEATHER, "9999-12-31 23:59:59.999999", FUTURE, id="far future and delayed"),
        pytest.param(OUTCOMES, "0001-01-01 00:00:00", "", id="far past"),
        pytest.param(OUTCOMES, "2013-02-08 07:00:00.000001", FUTURE, id="a microsecond after the cutoff"),
        pytest.param(OUTCOMES, None, "does not say when it became known", id="never"),
    ],
)
def test_instants_of_microseconds_are_compared_exactly(table: Table, at: str | None, refusal: str) -> None:
    instants = pd.Series(np.array([at or "NaT"], "M8[us]")).dt.tz_localize("UTC")
    available = availability.assign_nights(pd.DataFrame({"at": instants}), table, HORIZON, periods.parse("2013-02-08"))
    assert available.refusal_reasons.tolist() == [refusal]


def test_the_last_instant_of_nanoseconds_can_be_delayed() -> None:
    last = pd.DataFrame({"at": pd.to_datetime(["2262-04-11 23:47:16.854775"], utc=True)})
    available = availability.assign_nights(last, WEATHER, HORIZON, periods.parse("2013-02-08"))
    assert available.refusal_reasons.tolist() == [FUTURE]
