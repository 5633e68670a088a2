import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import QuantileRegressor

from ml.metrics import quantile
from ml.statistics import quantiles

CHANCE = np.random.default_rng(3)
NUMBERS = st.lists(st.integers(-50, 50), min_size=1, max_size=30).map(lambda each: np.array(each, np.float64))
SHARES = st.floats(0.02, 0.98)


@given(NUMBERS, SHARES, st.integers(-60, 60))
def test_no_constant_has_a_smaller_pinball_loss_than_the_quantile(values: np.ndarray, share: float, other: int) -> None:
    best, else_ = (
        np.full(len(values), each, np.float64) for each in (quantiles.weighted_quantile(values, share), other)
    )
    assert quantile.pinball(values, best, share) <= quantile.pinball(values, else_, share) + 1e-9


@given(NUMBERS, SHARES)
def test_a_row_that_weighs_twice_counts_as_two(values: np.ndarray, share: float) -> None:
    weights = np.where(np.arange(len(values)) % 2, 2.0, 1.0)
    assert quantiles.weighted_quantile(values, share, weights) == quantiles.weighted_quantile(
        np.repeat(values, weights.astype(int)), share
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75, 0.9])
def test_a_linear_form_loses_what_scikit_learns_quantile_regression_does(share: float) -> None:
    design = CHANCE.normal(size=(600, 3))
    labels = design @ [3.0, -1.0, 0.0] + CHANCE.gamma(2, 2, 600) * (1 + design[:, 0] ** 2)
    slopes, intercept = quantiles.regress(design, labels, share, penalty=0.0)
    reference = QuantileRegressor(quantile=share, alpha=0.0).fit(design, labels)
    ours, theirs = (
        quantile.pinball(labels, each, share) for each in (design @ slopes + intercept, reference.predict(design))
    )
    assert theirs <= ours <= 1.01 * theirs


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_so_many_labels_lie_below_the_line_as_were_asked_for(share: float) -> None:
    design = CHANCE.normal(size=(500, 2))
    labels = design[:, 0] + CHANCE.standard_t(2, 500)
    slopes, intercept = quantiles.regress(design, labels, share, penalty=0.01)
    assert (labels <= design @ slopes + intercept).mean() == pytest.approx(share, abs=0.005)


def test_labels_and_design_in_another_unit_give_the_same_line_there() -> None:
    design, noise = CHANCE.normal(size=(300, 1)), CHANCE.normal(size=300)
    labels = 2 * design[:, 0] + noise
    slopes, intercept = quantiles.regress(design, labels, 0.7, penalty=0.0)
    scaled = quantiles.regress(design, 60 * labels + 7, 0.7, penalty=0.0)
    assert (scaled[0][0], scaled[1]) == (
        pytest.approx(60 * slopes[0], rel=1e-3),
        pytest.approx(60 * intercept + 7, rel=0.05),
    )


def test_a_penalty_draws_the_slopes_to_nothing() -> None:
    design = CHANCE.normal(size=(300, 1))
    labels = 2 * design[:, 0] + CHANCE.normal(size=300)
    steep, flat = (abs(quantiles.regress(design, labels, 0.5, penalty)[0][0]) for penalty in (0.0, 100.0))
    assert flat < 0.02 < 1.8 < steep


@pytest.mark.parametrize(
    "design",
    [np.zeros((50, 1)), np.ones((50, 2)), np.repeat(CHANCE.normal(size=(50, 1)), 2, axis=1)],
    ids=["nothing varies", "nothing twice", "the same column twice"],
)
def test_a_design_that_tells_nothing_still_gives_a_finite_line(design: np.ndarray) -> None:
    slopes, intercept = quantiles.regress(design, CHANCE.normal(size=50), 0.5, penalty=0.0)
    assert np.isfinite([*slopes, intercept]).all()


def test_labels_that_are_all_alike_are_answered_so() -> None:
    slopes, intercept = quantiles.regress(CHANCE.normal(size=(40, 1)), np.full(40, 6.0), 0.5, penalty=0.0)
    assert (slopes[0], intercept) == (pytest.approx(0, abs=1e-6), pytest.approx(6, abs=1e-6))
