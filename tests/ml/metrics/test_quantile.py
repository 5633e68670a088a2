import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from ml.metrics import quantile
from ml.usecase import PinballCost

LABELS = np.array([0.0, 5.0, 10.0, 3.0])
ANSWERS = np.array([1.0, 5.0, 4.0, 4.5])
PAIRS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=20).map(np.array)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_pinball_loss_is_that_of_scikit_learn(share: float) -> None:
    expected = reference.mean_pinball_loss(LABELS, ANSWERS, alpha=share)
    assert quantile.pinball(LABELS, ANSWERS, share) == pytest.approx(expected)


def test_errors_are_those_of_scikit_learn() -> None:
    assert quantile.mean_absolute_error(LABELS, ANSWERS) == pytest.approx(
        reference.mean_absolute_error(LABELS, ANSWERS)
    )
    assert quantile.root_mean_square_error(LABELS, ANSWERS) == pytest.approx(
        reference.root_mean_squared_error(LABELS, ANSWERS)
    )


@given(PAIRS)
def test_at_the_median_the_pinball_loss_is_half_the_absolute_error(pairs: np.ndarray) -> None:
    labels, answers = pairs.T
    assert quantile.pinball(labels, answers, 0.5) == pytest.approx(quantile.mean_absolute_error(labels, answers) / 2)


@given(PAIRS, st.floats(0.1, 9), st.floats(0.1, 9))
def test_costs_are_what_each_unit_costs_below_and_above(pairs: np.ndarray, under: float, over: float) -> None:
    labels, answers = pairs.T
    expected = np.where(labels > answers, under * (labels - answers), over * (answers - labels))
    np.testing.assert_allclose(
        quantile.row_cost(labels, answers, PinballCost(under=under, over=over)), expected, atol=1e-9
    )


def test_what_is_saved_is_against_always_the_same_answer() -> None:
    cost = PinballCost(under=2, over=1)
    assert quantile.saved_per_1000(LABELS, np.full(4, 4.0), cost, prior=4.0) == 0
    # always 4: 4 + 2 + 12 + 1 = 19; these: 1 + 0 + 12 + 1.5 = 14.5, for four rows
    assert quantile.saved_per_1000(LABELS, ANSWERS, cost, prior=4.0) == pytest.approx(1000 * 4.5 / 4)


@pytest.mark.parametrize(
    ("answers", "share", "gap"),
    [
        ([11.0] * 4, 0.5, 0.5),
        ([-1.0] * 4, 0.5, -0.5),
        ([4.0] * 4, 0.5, 0.0),
        ([4.0] * 4, 0.75, -0.25),
        ([3.0] * 4, 0.3, 0.0),
    ],
    ids=["all too high", "all too low", "the median", "the median for a quartile", "an answer that is a label"],
)
def test_the_calibration_gap_is_the_share_below_less_the_one_asked_for(
    answers: list[float], share: float, gap: float
) -> None:
    assert quantile.calibration_gap(LABELS, np.array(answers), share) == pytest.approx(gap)


def test_labels_that_pile_up_on_the_answer_are_no_gap() -> None:
    labels = np.array([40.0] * 8 + [20.0, 60.0])
    assert quantile.calibration_gap(labels, np.full(10, 40.0), 0.5) == 0
    assert quantile.row_coverage(labels, np.full(10, 40.0)).mean() == 0.5


def test_the_bias_is_negative_where_too_little_is_answered() -> None:
    assert quantile.bias(LABELS, LABELS - 2) == -2
