from datetime import UTC, date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.errors import RequestError
from ml.usecase import periods
from ml.usecase.periods import Period

LAW = settings(max_examples=50, deadline=None)
DATES = st.dates(date(2000, 1, 1), date(2040, 1, 1))
FORM = r"expected a night \(2013-02-08\) or a window of nights \(2013-01-01\.\.2013-01-31\), got "


@pytest.mark.parametrize(
    ("text", "period"),
    [
        pytest.param("2013-02-08", Period(date(2013, 2, 8), date(2013, 2, 8)), id="a night"),
        pytest.param("2013-01-01..2013-01-31", Period(date(2013, 1, 1), date(2013, 1, 31)), id="a window"),
        pytest.param("2013-02-08..2013-02-08", Period(date(2013, 2, 8), date(2013, 2, 8)), id="a window of one night"),
        pytest.param(" 2012-02-29\n", Period(date(2012, 2, 29), date(2012, 2, 29)), id="space around a leap day"),
    ],
)
def test_a_key_names_its_period(text: str, period: Period) -> None:
    assert periods.parse(text) == period


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("tonight", id="a word"),
        pytest.param("2013-02-30", id="no such day"),
        pytest.param("20130208", id="no dashes"),
        pytest.param("2013-2-8", id="no zeros"),
        pytest.param("2013-02-08T02:00", id="with a time"),
        pytest.param("2013-01-01..", id="no end"),
        pytest.param("..2013-01-31", id="no start"),
        pytest.param("2013-01-01...2013-01-31", id="three dots"),
        pytest.param("2013-01-01..2013-02-29", id="ends on no such day"),
        pytest.param("٢٠١٣-٠٢-٠٨", id="other digits"),
    ],
)
def test_a_text_that_is_no_period_is_refused_with_the_form_expected(text: str) -> None:
    with pytest.raises(RequestError, match=FORM) as refused:
        periods.parse(text)
    assert repr(text) in str(refused.value)


def test_a_period_that_runs_backwards_is_refused() -> None:
    with pytest.raises(RequestError, match=r"but 2013-02-08\.\.2013-02-07 runs backwards"):
        periods.parse("2013-02-08..2013-02-07")


@LAW
@given(DATES, DATES)
def test_a_period_reads_back_from_its_own_text(one: date, other: date) -> None:
    period = Period(min(one, other), max(one, other))
    assert periods.parse(str(period)) == period


@LAW
@given(DATES, st.integers(0, 60), DATES)
def test_a_period_holds_exactly_the_nights_it_runs_over(first: date, length: int, night: date) -> None:
    period = Period(first, date.fromordinal(first.toordinal() + length))
    assert (night in period) == (night in list(period))
    assert len(list(period)) == length + 1


@pytest.mark.parametrize(("text", "is_night"), [("2013-02-08", True), ("2013-02-08..2013-02-09", False)])
def test_only_a_single_date_is_a_night(text: str, is_night: bool) -> None:
    assert periods.parse(text).is_single_night is is_night


@pytest.mark.parametrize(
    ("night", "hour", "timezone", "utc"),
    [
        pytest.param(date(2013, 2, 8), 2, "America/New_York", "2013-02-08 07:00", id="winter"),
        pytest.param(date(2013, 7, 8), 2, "America/New_York", "2013-07-08 06:00", id="summer"),
        pytest.param(date(2013, 3, 10), 1, "America/New_York", "2013-03-10 06:00", id="before the skipped hour"),
        pytest.param(date(2013, 3, 10), 2, "America/New_York", "2013-03-10 07:00", id="the skipped hour"),
        pytest.param(date(2013, 3, 10), 3, "America/New_York", "2013-03-10 07:00", id="after the skipped hour"),
        pytest.param(date(2013, 11, 3), 1, "America/New_York", "2013-11-03 05:00", id="the hour that comes twice"),
        pytest.param(date(2013, 11, 3), 2, "America/New_York", "2013-11-03 07:00", id="after both"),
        pytest.param(date(2013, 10, 6), 2, "Australia/Lord_Howe", "2013-10-05 15:30", id="half an hour gone"),
        pytest.param(date(2013, 10, 7), 2, "Australia/Lord_Howe", "2013-10-06 15:00", id="the night after it"),
        pytest.param(date(2013, 2, 8), 0, "Asia/Kathmandu", "2013-02-07 18:15", id="a quarter of an hour"),
        pytest.param(date(2013, 2, 8), 23, "UTC", "2013-02-08 23:00", id="UTC itself"),
    ],
)
def test_a_night_is_cut_off_at_one_instant(night: date, hour: int, timezone: str, utc: str) -> None:
    cutoff = periods.cutoff(night, hour, timezone)
    assert f"{cutoff:%Y-%m-%d %H:%M}" == utc
    assert cutoff.tzinfo is UTC


@LAW
@given(DATES, st.integers(0, 23), st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Europe/Berlin", "UTC"]))
def test_a_later_night_is_cut_off_later(night: date, hour: int, timezone: str) -> None:
    after = date.fromordinal(night.toordinal() + 1)
    assert periods.cutoff(night, hour, timezone) < periods.cutoff(after, hour, timezone)
