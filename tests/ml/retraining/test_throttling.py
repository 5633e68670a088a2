"""What holds a training back: for how long, and which of several holds longest."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.retraining import throttling
from ml.usecase import BlackoutPeriod, Budget, Night, Triggers

DAILY, MONTHLY = Night(hour=2, timezone="UTC"), Night(hour=2, timezone="UTC", every="month")
TONIGHT = date(2024, 3, 20)
FREE = Triggers(cooldown_nights=0)


def days_ago(*days: int) -> tuple[date, ...]:
    return tuple(TONIGHT - timedelta(days=each) for each in days)


def test_nothing_holds_where_nothing_is_declared() -> None:
    assert throttling.longest_throttle(FREE, TONIGHT, days_ago(0, 1, 2), DAILY) is None


@pytest.mark.parametrize(
    ("days", "until"),
    [((27, 1), "2024-03-21"), ((9, 1), "2024-04-08"), ((9, 5, 1), "2024-04-12"), ((28, 1), None), ((1,), None)],
    ids=["one falls out tomorrow", "two are young", "more than the budget", "one fell out", "one is left"],
)
def test_a_budget_frees_when_the_training_that_filled_it_falls_out(days: tuple[int, ...], until: str | None) -> None:
    triggers = Triggers(cooldown_nights=0, budget=Budget(trainings=2, nights=28))
    held = throttling.longest_throttle(triggers, TONIGHT, days_ago(*days), DAILY)
    assert (held and str(held.until)) == until


def test_what_was_tried_later_or_twice_on_a_night_is_not_counted() -> None:
    budget = Budget(trainings=2, nights=28)
    assert throttling.describe_budget(budget, TONIGHT, (*days_ago(3, 3), TONIGHT + timedelta(days=1)), DAILY) == (
        "1 of 2 trainings in 28 nights are used"
    )


@pytest.mark.parametrize(
    ("quiet", "until"),
    [
        (("2024-03-20",), "2024-03-21"),
        (("03-01..03-31",), "2024-04-01"),
        (("12-20..03-20",), "2024-03-21"),
        (("2024-03-19..2024-03-21", "2024-03-22..2024-03-25"), "2024-03-26"),
        (("2024-03-21..2024-03-22",), None),
        (("2023-03-01..2023-03-31",), None),
    ],
    ids=["a night", "each March", "over the year's end", "one after another", "not yet", "long past"],
)
def test_quiet_nights_hold_until_the_first_that_is_not(quiet: tuple[str, ...], until: str | None) -> None:
    triggers = Triggers(
        cooldown_nights=0, blackouts=tuple(BlackoutPeriod(nights=each, why="a freeze") for each in quiet)
    )
    held = throttling.longest_throttle(triggers, TONIGHT, (), DAILY)
    assert (held and str(held.until)) == until


def test_quiet_months_end_with_a_night_of_that_cadence() -> None:
    triggers = Triggers(cooldown_nights=0, blackouts=(BlackoutPeriod(nights="03-01..04-15", why="a freeze"),))
    held = throttling.longest_throttle(triggers, date(2024, 3, 1), (), MONTHLY)
    assert held is not None
    assert held.until == date(2024, 5, 1)


def test_a_year_that_is_quiet_throughout_still_gets_an_answer() -> None:
    triggers = Triggers(cooldown_nights=0, blackouts=(BlackoutPeriod(nights="01-01..12-31", why="by hand only"),))
    held = throttling.longest_throttle(triggers, TONIGHT, (), DAILY)
    assert held is not None
    assert held.until > TONIGHT + timedelta(days=365)


def test_the_longest_hold_is_told() -> None:
    triggers = Triggers(cooldown_nights=7, budget=Budget(trainings=1, nights=28))
    held = throttling.longest_throttle(triggers, TONIGHT, days_ago(2), DAILY)
    assert held is not None
    assert (str(held.until), held.reason) == ("2024-04-15", "1 of 1 trainings in 28 nights are used")


@given(
    st.lists(st.integers(0, 60), max_size=6), st.integers(0, 20), st.integers(1, 4), st.integers(1, 40), st.booleans()
)
def test_on_the_night_that_is_named_that_hold_is_over(
    days: list[int], cooldown: int, trainings: int, nights: int, quiet: bool
) -> None:
    """Another may hold then; each time it is asked again, the end moves on, and it ends."""
    triggers = Triggers(
        cooldown_nights=cooldown,
        budget=Budget(trainings=trainings, nights=nights),
        blackouts=(BlackoutPeriod(nights="03-18..03-28", why="a freeze"),) if quiet else (),
    )
    tried, night = days_ago(*days), TONIGHT
    for _ in range(3):
        held = throttling.longest_throttle(triggers, night, tried, DAILY)
        if held is None:
            return
        assert held.until > night
        night = held.until
    assert throttling.longest_throttle(triggers, night, tried, DAILY) is None
