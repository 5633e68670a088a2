"""A number: what a package tells of it, what its loss is a share of, what is too good to be true, and what it is called."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import targets
from ml.errors import RefusalError
from ml.metrics import quantile as quantile_metrics
from ml.scoring.calibration import Scaling
from ml.targets import regression
from ml.usecase import Gates, PinballCost
from tests.ml.answers import MINUTES, waited, waiting

ROWS = waited(nights=20)
LATEST = ROWS.nights > "2013-02-13"


def test_the_prior_is_the_constant_that_costs_least_and_loses_1() -> None:
    labels = waited().labels
    always = np.full(len(labels), MINUTES.prior)
    assert MINUTES.row_loss(labels, always).mean() == pytest.approx(1)
    assert MINUTES.row_loss(labels, always + 1).mean() > 1 < MINUTES.row_loss(labels, always - 1).mean()
    assert MINUTES.saved_per_1000(labels, always) == 0


def test_a_package_tells_its_target() -> None:
    assert targets.from_facts(waiting(), {"task": MINUTES.facts}) == MINUTES
    assert MINUTES.facts["quantile"] == 0.75


def test_knowing_loses_nothing_and_saves_what_the_constant_costs() -> None:
    quality = MINUTES.measure(ROWS.labels, ROWS.labels, ROWS.nights)
    assert (quality.loss, quality.skill, quality.pinball, quality.bias, quality.calibration_gap) == (0, 1, 0, 0, 0)
    always = MINUTES.row_cost(ROWS.labels, np.full(len(ROWS.labels), MINUTES.prior)).mean()
    assert quality.saved_per_1000 == pytest.approx(1000 * always)


@given(st.floats(0.1, 100), st.floats(-50, 50))
def test_the_loss_has_no_unit(factor: float, shift: float) -> None:
    labels, answers = ROWS.labels[:200], ROWS.scores[:200]
    there = targets.from_labels(waiting(), labels).row_loss(labels, answers)
    moved = targets.from_labels(waiting(), factor * labels + shift)
    np.testing.assert_allclose(moved.row_loss(factor * labels + shift, factor * answers + shift), there, atol=1e-6)


def test_where_the_constant_is_right_there_is_no_skill_to_have() -> None:
    same = np.full(5, MINUTES.prior)
    quality = MINUTES.measure(same, same, np.array(["a"] * 5, object))
    assert quality.skill is None
    assert MINUTES.floor_checks(same, same, Gates())[0].status == "fail"


def test_labels_that_are_all_alike_are_nothing_to_learn_from() -> None:
    with pytest.raises(RefusalError, match=r"labels that differ in a\.\.b to learn from, got only 7"):
        MINUTES.check_learnable(np.array([7.0, 7.0]), np.array(["a", "b"], object))


@pytest.mark.parametrize(
    ("raw", "slope", "offset"),
    [
        pytest.param(ROWS.scores - 5, 1.0, 5.0, id="too low"),
        pytest.param(ROWS.scores + 5, 1.0, -5.0, id="too high"),
        pytest.param(ROWS.scores / 2, 2.0, 0.0, id="too timid"),
    ],
)
def test_a_clear_distortion_is_undone(raw: np.ndarray, slope: float, offset: float) -> None:
    result = MINUTES.fit_calibration(raw, ROWS.labels, ROWS.nights, LATEST)
    assert (result.slope, result.offset) == (pytest.approx(slope, abs=0.05), pytest.approx(offset, abs=1.0))


def test_a_correction_of_noise_is_rarely_adopted() -> None:
    each = (waited(nights=20, a_night=100, seed=seed) for seed in range(60))
    result = [
        MINUTES.fit_calibration(rows.scores, rows.labels, rows.nights, rows.nights > "2013-02-13") for rows in each
    ]
    assert sum(one.slope != 1 or one.offset != 0 for one in result) <= 5


def test_answers_are_kept_within_the_labels_learned_from() -> None:
    reported = Scaling(low=0.0, high=60.0).apply(np.array([-1e9, 30.0, 1e9]))
    assert reported.tolist() == [0, 30, 60]
    assert MINUTES.uncorrected_scores(np.array([1e9])) == [MINUTES.high]


@given(st.floats(-40, 40))
def test_answering_more_never_lowers_the_calibration_gap(more: float) -> None:
    gaps = [quantile_metrics.calibration_gap(ROWS.labels, ROWS.scores + each, 0.75) for each in (0.0, more)]
    assert (gaps[1] - gaps[0]) * more >= 0


@pytest.mark.parametrize(("score", "answers"), [(0.0, True), (-7.5, True), (math.inf, False), (math.nan, False)])
def test_an_answer_is_any_number_that_is_finite(score: float, answers: bool) -> None:
    assert MINUTES.is_valid_score(score) is answers
    assert MINUTES.is_label(score) is answers


def test_how_a_champion_did_is_told_in_the_same_numbers_as_its_quality() -> None:
    quality = MINUTES.measure(ROWS.labels, ROWS.scores, ROWS.nights)
    did = MINUTES.measure_performance(ROWS.labels, ROWS.scores, quality.nights)
    shared = set(did.__slots__) & set(quality.__slots__)
    assert {name: getattr(did, name) for name in shared} == {name: getattr(quality, name) for name in shared}
    assert did.cost == pytest.approx(MINUTES.row_cost(ROWS.labels, ROWS.scores).sum())


def test_what_is_asked_for_is_told_with_its_price() -> None:
    assert "the 75% quantile of the label" in regression.Target.describe_task(waiting())[-1]
    assert "unit too low costs 3 and a unit too high costs 1" in regression.Target.describe_task(waiting())[-1]


def test_no_word_of_a_number_speaks_of_probabilities() -> None:
    words: list[Any] = [getattr(MINUTES.display_names, name) for name in MINUTES.display_names.__slots__]
    said = " ".join(map(str, [*words, *MINUTES.explain_decision(1.0, 0.0, 3.0), MINUTES.describe_valid_scores()]))
    assert not [each for each in ("probab", " rate", "log loss", "AUC", "odds", "nats") if each in said]


@pytest.mark.parametrize(
    ("under", "over", "quantile"), [(1, 1, 0.5), (3, 1, 0.75), (1, 9, 0.1)], ids=["median", "upper", "lower"]
)
def test_prices_name_the_quantile_that_costs_least(under: float, over: float, quantile: float) -> None:
    cost = PinballCost(under=under, over=over)
    target = targets.from_labels(waiting(cost=cost), ROWS.labels)
    costs = [target.row_cost(ROWS.labels, np.full(len(ROWS.labels), each)).mean() for each in range(60)]
    assert target.quantile == quantile
    assert target.row_cost(ROWS.labels, np.full(len(ROWS.labels), target.prior)).mean() <= min(costs)
