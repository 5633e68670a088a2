"""The capital is a fair game's: nobody gets rich while the mean keeps its bound, however often one looks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from ml.statistics import sequential_tests

LAW = settings(max_examples=50, deadline=None)
SEQUENCES = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))
NULLS = st.floats(0.01, 0.9)


@LAW
@given(SEQUENCES, NULLS, st.data())
def test_the_capital_of_the_first_values_does_not_depend_on_those_to_come(
    values: np.ndarray, null: float, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, len(values)))
    whole = sequential_tests.log_capital(values, null)
    np.testing.assert_allclose(sequential_tests.log_capital(values[:first], null), whole[:first], rtol=1e-9, atol=1e-12)


@LAW
@given(st.integers(1, 10), NULLS)
def test_the_capital_is_a_martingale_where_the_mean_is_its_bound(steps: int, null: float) -> None:
    """Every path of heads and tails is counted with its probability: the mean is 1 to the last digit."""
    paths = (np.arange(2**steps)[:, None] >> np.arange(steps)) & 1
    capital = np.exp([sequential_tests.log_capital(path.astype(float), null)[-1] for path in paths])
    chances = np.where(paths, null, 1 - null).prod(axis=1)
    assert chances @ capital == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("looks", ["the end", "every value", "a gain of a half", "a loss of a half"])
@pytest.mark.parametrize("spread", ["coin", "even"])
def test_no_way_of_stopping_makes_capital_of_chance(looks: str, spread: str) -> None:
    chance, stopped = np.random.default_rng(5), []
    for _ in range(400):
        values = (chance.random(150) < 0.3).astype(float) if spread == "coin" else chance.uniform(0, 0.6, 150)
        capital = np.exp(sequential_tests.log_capital(values, 0.3))
        stop = {
            "the end": np.zeros(150, bool),
            "every value": capital >= 20,
            "a gain of a half": capital >= 1.5,
            "a loss of a half": capital <= 0.5,
        }[looks]
        stopped.append(capital[stop.argmax() if stop.any() else -1])
    error = np.std(stopped) / len(stopped) ** 0.5
    assert np.mean(stopped) <= 1 + 3 * error


@pytest.mark.parametrize("alpha", [0.2, 0.05])
def test_a_mean_at_its_bound_is_shown_above_it_no_more_often_than_alpha(alpha: float) -> None:
    chance, trials = np.random.default_rng(11), 500
    shown = sum(
        sequential_tests.rejected_after((chance.random(500) < 0.1).astype(float), 0.1, alpha) is not None
        for _ in range(trials)
    )
    assert shown / trials <= alpha + 3 * (alpha * (1 - alpha) / trials) ** 0.5


@LAW
@given(SEQUENCES, NULLS, st.sampled_from([0.01, 0.05, 0.3]))
def test_shown_is_the_first_time_that_the_capital_suffices(values: np.ndarray, null: float, alpha: float) -> None:
    reached = np.flatnonzero(sequential_tests.log_capital(values, null) >= -np.log(alpha) - 1e-12)
    assert sequential_tests.rejected_after(values, null, alpha) == (int(reached[0]) + 1 if len(reached) else None)


@pytest.mark.parametrize(("mean", "most"), [(1.0, 5), (0.5, 40), (0.3, 120)], ids=["always", "every second", "a third"])
def test_a_larger_fault_is_shown_sooner(mean: float, most: int) -> None:
    chance = np.random.default_rng(3)
    after = sequential_tests.rejected_after((chance.random(1000) < mean).astype(float), 0.1, 0.01)
    assert after is not None
    assert after <= most


def test_what_is_shown_overwhelmingly_is_shown_and_does_not_overflow() -> None:
    assert sequential_tests.rejected_after(np.ones(100_000), 0.01, 0.01) == 2


def test_nothing_shows_nothing() -> None:
    assert sequential_tests.rejected_after(np.empty(0), 0.1, 0.5) is None


def test_differences_that_are_even_show_nothing() -> None:
    chance = np.random.default_rng(2)
    assert sequential_tests.difference_rejected_after(chance.choice([-1.0, 1.0], 5000), 0.01, 0.01) is None
    assert (
        sequential_tests.difference_rejected_after(chance.choice([-1.0, 1.0], 5000, p=[0.4, 0.6]), 0.01, 0.01)
        is not None
    )


@pytest.mark.parametrize("number", [2, 5, 20, 200])
@pytest.mark.parametrize("mean", [-1.0, 0.0, 1.5])
def test_the_ratio_is_that_of_students_t(number: int, mean: float) -> None:
    values = np.random.default_rng(number).normal(mean, 2.0, number)
    t = (values.mean() - 0.1) / values.std(ddof=1) * number**0.5
    effects = np.array([0.5, 1.0, 2.0]) * number**0.5
    ratio = np.mean(stats.nct.pdf(t, number - 1, effects) / stats.t.pdf(t, number - 1))
    result = sequential_tests.log_likelihood_ratio(values, 0.1)[-1]
    assert result == pytest.approx(np.log(ratio), rel=1e-6) if ratio > 1e-9 else result < np.log(1e-9)


@LAW
@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(-1, 1, width=32)), st.floats(0.01, 100))
def test_the_ratio_does_not_depend_on_the_unit(values: np.ndarray, unit: float) -> None:
    one, other = (
        sequential_tests.log_likelihood_ratio(values, 0.0),
        sequential_tests.log_likelihood_ratio(unit * values, 0.0),
    )
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mean", [0.0, -0.5])
def test_nights_that_are_not_worse_are_shown_worse_no_more_often_than_alpha(mean: float) -> None:
    chance, trials, alpha = np.random.default_rng(4), 400, 0.05
    shown = sum(
        sequential_tests.t_test_rejected_after(chance.normal(mean, 1, 20), 0.0, alpha) is not None
        for _ in range(trials)
    )
    assert shown / trials <= alpha + 3 * (alpha * (1 - alpha) / trials) ** 0.5


def test_nights_that_are_alike_are_shown_in_a_week_and_no_night_shows_nothing() -> None:
    assert sequential_tests.t_test_rejected_after(np.random.default_rng(4).normal(1, 0.2, 20), 0.0, 0.01) in range(3, 8)
    assert sequential_tests.t_test_rejected_after(np.empty(0), 0.0, 0.01) is None
