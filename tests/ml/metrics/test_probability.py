import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.metrics import probability
from ml.usecase import Cost

COST = Cost(act=250, miss=1800, averted=0.4)
Rows = tuple[Floats, Floats]


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Labels of both classes, and scores with many ties."""
    labels = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=60))
    scores = draw(st.lists(st.integers(1, 9), min_size=len(labels), max_size=len(labels)))
    labels[0], labels[1] = 0.0, 1.0
    return np.array(labels), np.array(scores) / 10


@given(rows())
def test_auc_is_that_of_scikit_learn(given_rows: Rows) -> None:
    assert probability.auc(*given_rows) == pytest.approx(sklearn.metrics.roc_auc_score(*given_rows))


@given(rows())
def test_average_precision_is_that_of_scikit_learn(given_rows: Rows) -> None:
    assert probability.average_precision(*given_rows) == pytest.approx(
        sklearn.metrics.average_precision_score(*given_rows)
    )


@given(rows())
def test_log_loss_is_that_of_scikit_learn(given_rows: Rows) -> None:
    assert probability.log_loss(*given_rows) == pytest.approx(sklearn.metrics.log_loss(*given_rows))


@given(rows())
def test_brier_is_that_of_scikit_learn(given_rows: Rows) -> None:
    assert probability.brier(*given_rows) == pytest.approx(sklearn.metrics.brier_score_loss(*given_rows))


@pytest.mark.parametrize(("label", "precision"), [(0.0, None), (1.0, 1.0)], ids=["no positive", "no negative"])
def test_a_ranking_of_one_class_has_no_auc(label: float, precision: float | None) -> None:
    assert probability.auc(np.array([label, label]), np.array([0.2, 0.3])) is None
    assert probability.average_precision(np.array([label, label]), np.array([0.2, 0.3])) == precision


def test_a_certain_mistake_costs_a_finite_log_loss() -> None:
    assert probability.log_loss(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(-np.log(1e-15), rel=1e-3)


def test_a_model_that_says_the_truth_of_each_bin_has_no_calibration_error() -> None:
    labels, scores = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.5, 0.5, 1.0, 1.0])
    assert probability.expected_calibration_error(labels, scores, bins=2) == 0
    assert probability.expected_calibration_error(labels, 1 - scores, bins=2) == pytest.approx(0.5)


def test_a_model_that_expects_too_little_has_a_negative_calibration_gap() -> None:
    assert probability.calibration_gap(np.array([1.0, 0.0]), np.array([0.2, 0.2])) == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("label", "score", "cost"),
    [(1.0, 0.9, 250 + 0.6 * 1800), (0.0, 0.9, 250), (1.0, 0.1, 1800), (0.0, 0.1, 0)],
    ids=["acted, it came", "acted, it did not", "missed", "rightly left alone"],
)
def test_a_decision_costs_acting_and_what_it_does_not_avert(label: float, score: float, cost: float) -> None:
    assert probability.row_cost(np.array([label]), np.array([score]), COST)[0] == pytest.approx(cost)


def test_acting_at_the_threshold_itself_is_not_cheaper() -> None:
    assert probability.row_cost(np.array([0.0]), np.array([COST.threshold]), COST)[0] == 0


@given(rows())
def test_nothing_saves_more_than_an_oracle(given_rows: Rows) -> None:
    labels, scores = given_rows
    assert probability.saved_per_1000(labels, scores, COST) <= probability.saved_per_1000(labels, labels, COST) + 1e-9


@given(rows())
def test_calibration_in_one_bin_is_the_size_of_the_gap(given_rows: Rows) -> None:
    error = probability.expected_calibration_error(*given_rows, bins=1)
    assert error == pytest.approx(abs(probability.calibration_gap(*given_rows)))


@given(rows(), st.integers(1, 20))
def test_no_calibration_error_is_below_the_gap_or_above_1(given_rows: Rows, bins: int) -> None:
    error = probability.expected_calibration_error(*given_rows, bins=bins)
    assert abs(probability.calibration_gap(*given_rows)) - 1e-12 <= error <= 1


@given(rows())
def test_auc_asks_only_for_the_order(given_rows: Rows) -> None:
    labels, scores = given_rows
    assert probability.auc(labels, scores**3) == pytest.approx(probability.auc(labels, scores))
