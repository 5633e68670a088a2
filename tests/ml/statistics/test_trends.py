"""A trend is what stays: three runs beside those before, by medians, so that one slow run is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.statistics import trends

STEADY = [10.0, 10.5, 9.5, 10.2, 9.8, 10.1]


@pytest.mark.parametrize(
    ("recent", "risen"),
    [
        ([10.0, 10.1, 9.9], False),
        ([10.0, 90.0, 9.9], False),
        ([30.0, 10.0, 31.0], True),
        ([11.5, 11.6, 11.7], False),
        ([14.0, 14.0, 14.0], True),
        ([2.0, 2.0, 2.0], False),
    ],
    ids=["as before", "one slow run", "two of three", "by less than a fifth", "for good", "faster"],
)
def test_it_has_risen_when_most_of_the_last_three_are_far_above_those_before(recent: list[float], risen: bool) -> None:
    result = trends.measure(STEADY + recent)
    assert result is not None
    assert result.has_risen is risen


def test_too_few_runs_say_nothing() -> None:
    assert trends.measure([1.0] * 4 + [99.0] * 3) is None


def test_what_was_noisy_before_must_rise_further() -> None:
    noisy = [6.0, 14.0, 8.0, 12.0, 5.0, 15.0]
    result = trends.measure([*noisy, 14.0, 14.0, 14.0])
    assert result is not None
    assert not result.has_risen


@given(st.lists(st.floats(1, 100), min_size=8, max_size=20), st.integers(0, 2), st.floats(0, 1e6))
def test_one_run_of_the_last_three_never_makes_a_trend_of_what_is_steady(
    history: list[float], place: int, slow: float
) -> None:
    steady = [history[0]] * len(history)
    steady[-1 - place] = slow
    result = trends.measure(steady)
    assert result is not None
    assert not result.has_risen
