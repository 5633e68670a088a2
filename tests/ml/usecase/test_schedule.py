"""Nights every day or every month: which days they are, and how they are counted."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import RequestError
from ml.usecase import Night, periods

DAILY = Night(hour=2, timezone="UTC")
MONTHLY = Night(hour=2, timezone="UTC", every="month")
CADENCES = pytest.mark.parametrize("schedule", [DAILY, MONTHLY], ids=["every day", "every month"])


@pytest.mark.parametrize(
    ("schedule", "period", "expected"),
    [
        (DAILY, "2016-02-28..2016-03-01", ["2016-02-28", "2016-02-29", "2016-03-01"]),
        (DAILY, "2016-02-28", ["2016-02-28"]),
        (MONTHLY, "2015-11-01..2016-02-01", ["2015-11-01", "2015-12-01", "2016-01-01", "2016-02-01"]),
        (MONTHLY, "2015-11-02..2016-02-29", ["2015-12-01", "2016-01-01", "2016-02-01"]),
        (MONTHLY, "2016-02-01", ["2016-02-01"]),
        (MONTHLY, "2016-02-02..2016-02-29", []),
    ],
    ids=["days", "a day", "months", "months cut at both ends", "a month", "between two nights"],
)
def test_the_nights_of_a_period_are_those_of_the_cadence(schedule: Night, period: str, expected: list[str]) -> None:
    assert list(map(str, schedule.nights(periods.parse(period)))) == expected


@pytest.mark.parametrize(
    ("schedule", "night", "count", "expected"),
    [
        (DAILY, "2016-03-01", 1, "2016-02-29"),
        (DAILY, "2016-03-01", 14, "2016-02-16"),
        (MONTHLY, "2016-03-01", 1, "2016-02-01"),
        (MONTHLY, "2016-03-01", 14, "2015-01-01"),
    ],
)
def test_nights_are_counted_back_in_the_cadence(schedule: Night, night: str, count: int, expected: str) -> None:
    assert str(schedule.previous(date.fromisoformat(night), count)) == expected


@CADENCES
@given(place=st.integers(0, 2000), back=st.integers(0, 500))
def test_counting_back_and_counting_between_agree(schedule: Night, place: int, back: int) -> None:
    night = schedule.previous(date(2020, 1, 1), -place)
    earlier = schedule.previous(night, back)
    assert schedule.count(earlier, night) == back
    assert len(schedule.nights(periods.Period(earlier, night))) == back + 1


@pytest.mark.parametrize(
    ("schedule", "cron"), [(DAILY, "0 2 * * *"), (MONTHLY, "0 2 1 * *")], ids=["every day", "every month"]
)
def test_the_clock_strikes_at_the_cutoffs(schedule: Night, cron: str) -> None:
    assert schedule.cron == cron


@pytest.mark.parametrize("text", ["2016-02-01", "2016-02-01..2016-05-01"])
def test_a_period_whose_ends_are_nights_is_one(text: str) -> None:
    assert str(MONTHLY.parse(text)) == text


@pytest.mark.parametrize("text", ["2015-12-15", "2015-12-15..2016-03-01", "2015-10-01..2015-12-15"])
def test_a_day_between_two_nights_is_refused_with_both(text: str) -> None:
    reported = "first of each month.*got 2015-12-15, which is not a night.* 2015-12-01, the one after it 2016-01-01"
    with pytest.raises(RequestError, match=reported):
        MONTHLY.parse(text)


@pytest.mark.parametrize(
    ("schedule", "moment", "night"),
    [
        (DAILY, datetime(2016, 2, 28, 2, tzinfo=UTC), "2016-02-28"),
        (DAILY, datetime(2016, 2, 28, 1, 59, tzinfo=UTC), "2016-02-27"),
        (DAILY, datetime(2016, 3, 1, 0, tzinfo=UTC), "2016-02-29"),
        (MONTHLY, datetime(2016, 2, 28, 2, tzinfo=UTC), "2016-02-01"),
        (MONTHLY, datetime(2016, 2, 1, 1, tzinfo=UTC), "2016-01-01"),
        (Night(hour=3, timezone="Asia/Kolkata"), datetime(2016, 2, 27, 21, 30, tzinfo=UTC), "2016-02-28"),
        (Night(hour=22, timezone="America/New_York"), datetime(2016, 2, 28, 2, tzinfo=UTC), "2016-02-26"),
    ],
    ids=["at the cutoff", "before it", "the evening after", "in a month", "before a month's", "east", "west"],
)
def test_the_night_that_is_open_was_decided_last(schedule: Night, moment: datetime, night: str) -> None:
    assert str(schedule.latest_decided(moment)) == night
