import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Floats, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.usecase import Slice

LAW = settings(max_examples=25, deadline=None)


def test_slices_are_the_levels_with_rows_enough() -> None:
    levels = {"zone": np.array(["x"] * 3 + ["y"], dtype=object)}
    assert list(intervals.slice_masks((Slice(feature="zone", min_rows=2),), levels)) == ["zone=x"]


def test_the_mean_weighs_rows_and_its_interval_holds_it() -> None:
    result = intervals.mean_by_night(
        np.array([1.0, 1.0, 1.0, 5.0]), np.array(["a", "a", "b", "c"], dtype=object), 0.95, seed=1
    )
    assert result.value == 2
    assert result.low <= 2 <= result.high


def test_one_night_has_no_bounds() -> None:
    result = intervals.mean_by_night(np.ones(5), np.array(["a"] * 5, dtype=object), 0.95, seed=1)
    assert (result.value, result.low, result.high) == (1, -np.inf, np.inf)


def test_a_95_percent_interval_over_seven_nights_holds_the_truth_about_as_often() -> None:
    nights = np.repeat(np.arange(7).astype(str), 20).astype(object)
    chance, held = np.random.default_rng(0), 0
    for _ in range(300):
        values = np.repeat(chance.normal(0, 1, 7), 20) + chance.normal(0, 0.5, 140)
        result = intervals.mean_by_night(values, nights, 0.95, seed=1)
        held += result.low <= 0 <= result.high
    assert held / 300 >= 0.88


def drawn(count: int, rows: int = 50, seed: int = 0) -> tuple[Floats, Strings]:
    """Return values of `count` nights, each night with a level of its own."""
    chance = np.random.default_rng(seed)
    nights = np.repeat([f"night {n:03d}" for n in range(count)], rows).astype(object)
    return chance.normal(0, 1, count).repeat(rows) + chance.normal(0, 0.1, count * rows), nights


def interval(values: Floats, nights: Strings, confidence: float = 0.95, seed: int = 1) -> Interval:
    return intervals.mean_by_night(values, nights, confidence, seed)


def width(result: Interval) -> float:
    return result.high - result.low


def test_the_same_seed_gives_the_same_interval_and_another_seed_the_same_mean() -> None:
    one, again, other = (interval(*drawn(7), seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert one.value == other.value


@LAW
@given(st.integers(0, 1000), st.integers(2, 6))
def test_repeating_every_row_tells_nothing_new(seed: int, times: int) -> None:
    values, nights = drawn(7, seed=seed)
    once, again = interval(values, nights), interval(np.tile(values, times), np.tile(nights, times))
    assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high))


@LAW
@given(st.integers(0, 1000))
def test_mirrored_values_have_the_mirrored_interval(seed: int) -> None:
    values, nights = drawn(7, seed=seed)
    there, back = interval(values, nights), interval(-values, nights)
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))


def test_fewer_nights_give_a_wider_interval() -> None:
    widths = [np.mean([width(interval(*drawn(count, seed=seed))) for seed in range(10)]) for count in (28, 14, 7, 4)]
    assert widths == sorted(widths)


def test_more_confidence_gives_a_wider_interval() -> None:
    widths = [width(interval(*drawn(7), confidence=confidence)) for confidence in (0.6, 0.8, 0.95, 0.99)]
    assert widths == sorted(widths)


def test_a_hundred_times_the_rows_of_the_same_nights_hardly_narrow_the_interval() -> None:
    few, many = (width(interval(*drawn(7, rows=rows))) for rows in (50, 5000))
    assert many > 0.9 * few


def test_two_nights_promise_little() -> None:
    result = interval(np.array([0.0, 1.0]), np.array(["a", "b"], dtype=object))
    reach = 12.7062 * 0.5  # Student's quantile for one degree of freedom, and the standard error of two values
    assert (result.low, result.high) == pytest.approx((0.5 - reach, 0.5 + reach), rel=0.05)


@pytest.mark.parametrize(("nights", "confidence"), [(5, 0.99), (7, 0.95), (28, 0.95)])
def test_an_interval_over_few_nights_holds_the_truth_as_often_as_it_says(nights: int, confidence: float) -> None:
    chance = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        level = chance.normal(0, 1, nights)
        result = intervals.bootstrap_nights(
            lambda drawn, level=level: (drawn @ level) / drawn.sum(axis=1), nights, confidence, 1
        )
        held += result is not None and result.low <= 0 <= result.high
    assert held / 400 >= confidence - 0.015


@pytest.mark.parametrize("nights", [1, 3], ids=["one night", "no value"])
def test_a_statistic_without_nights_or_value_has_no_interval(nights: int) -> None:
    assert intervals.bootstrap_nights(lambda drawn: drawn.sum(axis=1) * np.nan, nights, 0.95, seed=1) is None
