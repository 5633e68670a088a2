"""Two models' answers to the same rows differ in what answers are used for: decisions, or what minutes are worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml.arrays import Floats
from ml.metrics import quantile
from ml.metrics.score_distance import ScoreDistance
from tests.ml.answers import MINUTES, YES_OR_NO, waited

SCORES = arrays.arrays(np.float64, 12, elements=st.floats(0.01, 0.99))
NUMBERS = arrays.arrays(np.float64, 12, elements=st.floats(-50, 50))
BOTH = pytest.mark.parametrize(
    "likeness", [YES_OR_NO.score_distance, MINUTES.score_distance], ids=["yes or no", "a number"]
)


@BOTH
@given(one=SCORES, other=SCORES)
def test_who_goes_first_turns_a_move_round_and_changes_no_distance(
    likeness: ScoreDistance, one: Floats, other: Floats
) -> None:
    np.testing.assert_allclose(likeness.shift(one, other), -likeness.shift(other, one), atol=1e-12)
    np.testing.assert_array_equal(likeness.distance(one, other), likeness.distance(other, one))
    np.testing.assert_array_equal(likeness.decision_changes(one, other), likeness.decision_changes(other, one))


@BOTH
@given(scores=SCORES)
def test_an_answer_is_no_other_than_itself(likeness: ScoreDistance, scores: Floats) -> None:
    assert not likeness.shift(scores, scores).any()
    assert not likeness.distance(scores, scores).any()
    assert not likeness.decision_changes(scores, scores).any()


@pytest.mark.parametrize(
    ("ours", "theirs", "other"),
    [(0.41, 0.39, True), (0.9, 0.41, False), (0.39, 0.01, False)],
    ids=["either side of the threshold", "both acted on", "neither"],
)
def test_of_probabilities_the_threshold_says_what_is_another_decision(ours: float, theirs: float, other: bool) -> None:
    assert YES_OR_NO.cost.threshold == pytest.approx(0.4)
    assert YES_OR_NO.score_distance.decision_changes(np.array([ours]), np.array([theirs])).tolist() == [other]


@given(labels=NUMBERS, ours=NUMBERS, theirs=NUMBERS)
def test_no_label_makes_two_numbers_differ_by_more_loss_than_their_distance(
    labels: Floats, ours: Floats, theirs: Floats
) -> None:
    lost = np.abs(MINUTES.row_loss(labels, ours) - MINUTES.row_loss(labels, theirs))
    assert (lost <= MINUTES.score_distance.distance(ours, theirs) + 1e-9).all()


def test_always_the_same_answer_costs_the_price_that_margins_are_of() -> None:
    labels = waited().labels
    paid = MINUTES.row_cost(labels, np.full(len(labels), MINUTES.prior)).mean()
    assert MINUTES.score_distance.cost_scale == pytest.approx(paid)


@given(labels=NUMBERS, answers=NUMBERS)
def test_a_calibration_gap_of_numbers_lies_on_one_side_and_is_what_is_said_beyond_what_is_due_there(
    labels: Floats, answers: Floats
) -> None:
    sides = [
        side * float(np.subtract(*MINUTES.score_distance.calibration_terms(labels, answers, side)).mean())
        for side in (1, -1)
    ]
    gap = quantile.calibration_gap(labels, answers, MINUTES.quantile)
    assert abs(gap) == pytest.approx(max(0.0, *sides))
