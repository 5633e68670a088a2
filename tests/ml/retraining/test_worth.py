"""Laws of the price of retraining: the rule finds the cycle of least mean cost, and age is measured over nights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.retraining import worth
from ml.retraining.worth import WorthFacts
from ml.usecase import RetrainingPrice

PRICE = RetrainingPrice(risk=1000.0, first_age_nights=20)
SLOPES, AGES = st.floats(0.01, 100.0), st.integers(1, 300)
LONGEST = 120


def known(age_cost: float, error: float = 0.0) -> WorthFacts:
    return WorthFacts(age_cost=age_cost, error=error, nights=20, cpu_seconds=0.0)


def best_cycle(excess: Floats, price: float) -> int:
    """Return the shortest cycle of least mean cost a night, by trying all; `excess` has v(1), v(2), ..."""
    lengths = np.arange(1, len(excess) + 1)
    return int(lengths[np.argmin(((price + np.cumsum(excess)) / lengths).round(9))])


@given(st.lists(st.integers(0, 50), min_size=LONGEST, max_size=LONGEST), st.integers(1, 20_000))
def test_the_rule_ends_the_cycle_where_the_mean_cost_is_least(steps: list[int], price: int) -> None:
    excess: Floats = np.cumsum(np.array(steps, np.float64))
    asks = [age for age in range(1, LONGEST) if worth.saving(excess[: age + 1]) >= price]
    assert (asks[0] if asks else LONGEST) == best_cycle(excess, price)


@given(SLOPES, AGES)
def test_a_straight_line_is_saved_as_any_curve_is(slope: float, age: int) -> None:
    curve = slope * np.arange(1, age + 2)
    assert worth.linear_saving(slope, age) == pytest.approx(worth.saving(curve))


@given(SLOPES, st.floats(0, 10), AGES, st.integers(0, 50), st.floats(0, 500))
def test_older_or_faster_ageing_never_saves_less(
    slope: float, faster: float, age: int, older: int, error: float
) -> None:
    saved = worth.forecast_saving(PRICE, known(slope, error), age)
    assert worth.forecast_saving(PRICE, known(slope + faster, error), age + older) >= saved * (1 - 1e-9)


@given(st.floats(-100.0, 0.0), AGES)
def test_without_a_cost_of_age_there_is_nothing_to_save(slope: float, age: int) -> None:
    assert worth.linear_saving(slope, age) == 0


def test_if_age_seems_to_cost_nothing_a_fresh_model_comes_later_but_comes() -> None:
    saved = {age: worth.forecast_saving(PRICE, known(0.0), age) for age in range(1, 100)}
    assert min(age for age in saved if saved[age] > 1000.0) == 45  # without a measurement: 20


@given(SLOPES)
def test_what_costs_nothing_is_worth_it_at_once(slope: float) -> None:
    assert worth.linear_saving(slope, 1) > 0


@given(st.floats(1.0, 1e6), st.integers(1, 400), st.integers(0, 100))
def test_as_long_as_nothing_is_known_the_declared_age_decides(risk: float, first: int, more: int) -> None:
    price = RetrainingPrice(risk=risk, first_age_nights=first)
    unknown = WorthFacts(age_cost=None, error=None, nights=0, cpu_seconds=0.0)
    assert worth.forecast_saving(price, unknown, first - 1) <= risk
    assert worth.forecast_saving(price, unknown, first + more) > risk


@pytest.mark.parametrize(
    ("age_cost", "error", "slope"),
    [
        (10.0, 0.0, 10.0),
        (10.0, 3.0, 10.0 - 9.0 / 5.0),
        (10.0, 5.0, 5.0),
        (10.0, 50.0, 5.0),
        (0.0, 0.0, 0.0),
        (-5.0, 11.0, 5.0),
        (-5.0, 5.0, 0.0),
        (-500.0, 5.0, 0.0),
        (5.0, 1.0, 5.0),
    ],
    ids=[
        "exact",
        "shown",
        "as its error",
        "noise",
        "exactly nothing",
        "negative noise",
        "shown negative",
        "very negative",
        "assumed",
    ],
)
def test_what_was_measured_counts_as_far_as_it_exceeds_its_error(age_cost: float, error: float, slope: float) -> None:
    price = RetrainingPrice(risk=1000.0, first_age_nights=20)  # assumed: 5 a night for each night of age
    assert worth.forecast_saving(price, known(age_cost, error), 20) == pytest.approx(210 * (5 + 0.8 * (slope - 5)))


@given(st.floats(-5.0, 50.0), st.integers(0, 2**32 - 1))
def test_the_slope_within_nights_is_measured_whatever_the_nights_cost(slope: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ages = np.arange(1.0, 11.0)[:, None] + np.array([28.0, 14.0, 0.0])
    ages[:3, 2] = np.nan
    costs = rng.normal(5000, 3000, (10, 1)) + slope * ages
    facts = worth.facts_of(ages, costs, min_nights=10, cpu_seconds=None)
    assert facts.nights == 10
    assert facts.age_cost == pytest.approx(slope, abs=1e-6)
    assert facts.error == pytest.approx(0, abs=1e-6)


def test_the_error_is_that_of_the_slope_over_repeated_nights() -> None:
    rng = np.random.default_rng(5)
    ages = np.arange(1.0, 41.0)[:, None] + np.array([28.0, 14.0, 0.0])
    measured = [worth.measure_age_cost(ages, 3 * ages + rng.normal(0, 100, ages.shape)) for _ in range(400)]
    slopes, errors = np.transpose([each for each in measured if each])
    assert slopes.mean() == pytest.approx(3, abs=3 * slopes.std() / 20)
    assert errors.mean() == pytest.approx(slopes.std(), rel=0.15)


def test_two_models_are_compared_by_regression_through_the_origin() -> None:
    ages, costs = np.array([[15.0, 1.0], [30.0, 2.0]]), np.array([[150.0, 100.0], [300.0, 190.0]])
    gaps, differences = np.array([14.0, 28.0]), np.array([50.0, 110.0])
    expected = (gaps * differences).sum() / (gaps**2).sum()
    measured = worth.measure_age_cost(ages, costs)
    assert measured is not None
    assert measured[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ages", "min_nights", "nights"),
    [
        ([[15.0, 1.0]] * 3, 4, 3),
        ([[15.0, np.nan]] * 3, 1, 0),
        ([], 1, 0),
        ([[15.0, 1.0]], 1, 1),
        ([[1.0, 1.0]] * 3, 1, 3),
    ],
    ids=["too few nights", "one model", "no night", "one night", "one age"],
)
def test_too_little_to_compare_is_not_known(ages: list[list[float]], min_nights: int, nights: int) -> None:
    model_ages = np.array(ages, np.float64).reshape(-1, 2)
    facts = worth.facts_of(model_ages, np.ones_like(model_ages), min_nights=min_nights, cpu_seconds=3.0)
    assert facts == WorthFacts(age_cost=None, error=None, nights=nights, cpu_seconds=3.0)
