"""Groups are measured side by side; a group shown to be treated otherwise than declared refuses the model."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.arrays import Booleans, Floats
from ml.governance.checks import Check, CheckStatus
from ml.metrics import fairness, probability
from ml.metrics.fairness import Group
from ml.promotion import gate
from ml.promotion.gate import GateRule, HoldoutScores, Outcome
from ml.statistics.intervals import Interval, ScoredRows
from ml.usecase import Cost, Fairness, Gates
from tests.ml.answers import YES_OR_NO, answered, zones

COST = Cost(act=10, miss=50, averted=0.5)
DECLARED = Fairness(group_by=("zone",), min_rows=400)
FAIR = answered()
SOUTH = (FAIR.frame["zone"] == "south").to_numpy()


def measure(rows: ScoredRows, declared: Fairness = DECLARED, among: Booleans | None = None) -> tuple[Group, ...]:
    everybody = np.ones(len(rows.labels), bool) if among is None else among
    return fairness.measure(rows, zones(rows), everybody, declared, COST, 0.95)


def failed(rows: ScoredRows, declared: Fairness = DECLARED) -> list[str]:
    checks = fairness.checks(measure(rows, declared), declared)
    return [check.name for check in checks if check.status is not CheckStatus.PASS]


def scored(scores: Floats) -> ScoredRows:
    return replace(FAIR, scores=scores)


UNKNOWING = scored(np.where(SOUTH, np.random.default_rng(1).permutation(FAIR.scores), FAIR.scores))
UNDERRATED = scored(np.where(SOUTH, FAIR.scores * 0.6, FAIR.scores))


def value(each: Interval | None) -> float:
    assert each is not None
    assert each.low <= each.value <= each.high
    return each.value


def test_a_groups_numbers_are_those_of_its_rows() -> None:
    south = measure(FAIR)[2]
    labels, scores = FAIR.labels[SOUTH], FAIR.scores[SOUTH]
    acted = scores > COST.threshold
    reported = (
        south.base_rate,
        south.selection_rate,
        south.true_positive_rate,
        south.false_positive_rate,
        south.calibration_ratio,
        south.log_loss,
    )
    assert [value(each) for each in reported] == pytest.approx(
        [
            labels.mean(),
            acted.mean(),
            acted[labels == 1].mean(),
            acted[labels == 0].mean(),
            scores.mean() / labels.mean(),
            probability.log_loss(labels, scores),
        ]
    )
    everybody = FAIR.scores.mean() / FAIR.labels.mean()
    assert value(south.relative_calibration) == pytest.approx(scores.mean() / labels.mean() / everybody)
    ranked = probability.auc(labels, scores), probability.auc(FAIR.labels, FAIR.scores)
    assert value(south.auc_difference) == pytest.approx((ranked[0] or 0) - (ranked[1] or 0))


@given(st.integers(0, 10_000))
def test_ties_count_half_as_in_the_auc_of_all(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = replace(answered(nights=3, a_night=60, seed=seed), scores=chance.integers(1, 5, 180) / 5)
    south = (rows.frame["zone"] == "south").to_numpy()
    own, everybody = probability.auc(rows.labels[south], rows.scores[south]), probability.auc(rows.labels, rows.scores)
    assert own is not None
    assert everybody is not None
    assert value(measure(rows)[2].auc_difference) == pytest.approx(own - everybody)


def test_a_fair_model_passes_both_gates_of_every_group() -> None:
    checks = fairness.checks(measure(FAIR), DECLARED)
    assert len(checks) == 6
    assert {check.status for check in checks} == {CheckStatus.PASS}


@pytest.mark.parametrize(
    ("rows", "reported"),
    [
        pytest.param(UNDERRATED, "group zone=south: calibration relative to all rows", id="scores mean something else"),
        pytest.param(UNKNOWING, "group zone=south: ROC AUC minus that of all rows", id="ranked by chance"),
    ],
)
def test_a_model_that_is_unfair_to_a_group_is_refused_by_its_gate(rows: ScoredRows, reported: str) -> None:
    assert reported in failed(rows)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"min_calibration": 0.5, "max_calibration": 1.9}, 0, id="wider bounds"),
        pytest.param({"min_rows": 701}, 0, id="every group too small"),
        pytest.param({}, 1, id="as by default"),
    ],
)
def test_the_bars_are_those_that_the_use_case_declares(changes: dict[str, Any], count: int) -> None:
    declared = replace(DECLARED, **changes)
    assert len([name for name in failed(UNDERRATED, declared) if name.startswith("group zone=south")]) == count


def test_a_group_below_the_least_rows_is_measured_and_not_gated() -> None:
    few = replace(DECLARED, min_rows=701)
    groups = measure(UNDERRATED, few)
    assert fairness.checks(groups, few) == ()
    assert [(each.rows, each.gated) for each in groups] == [(700, False)] * 3
    assert value(groups[2].calibration_ratio) < 0.7


def test_a_number_that_cannot_be_computed_refuses() -> None:
    settled = replace(FAIR, labels=np.where(SOUTH, 0.0, FAIR.labels))
    groups = measure(settled)
    assert (groups[2].true_positive_rate, groups[2].relative_calibration, groups[2].auc_difference) == (
        None,
        None,
        None,
    )
    gates = [check for check in fairness.checks(groups, DECLARED) if "zone=south" in check.name]
    assert [(check.value, check.status) for check in gates] == [(None, CheckStatus.FAIL)] * 2


def test_one_night_gates_nobody_through() -> None:
    assert len(failed(answered(nights=1, a_night=1500))) == 6


def test_only_the_rows_that_are_compared_count() -> None:
    groups = measure(FAIR, among=FAIR.nights > "2013-02-03")
    assert [each.rows for each in groups] == [400] * 3


def test_the_gaps_of_equalised_odds_are_those_between_groups_large_enough() -> None:
    result, alarmed = fairness.equalised_odds_gaps(measure(UNDERRATED), "zone")
    rates = [(value(each.true_positive_rate), value(each.false_positive_rate)) for each in measure(UNDERRATED)]
    assert result == pytest.approx(max(rate[0] for rate in rates) - min(rate[0] for rate in rates))
    assert alarmed == pytest.approx(max(rate[1] for rate in rates) - min(rate[1] for rate in rates))
    assert fairness.equalised_odds_gaps(measure(FAIR, replace(DECLARED, min_rows=701)), "zone") == (None, None)


def test_a_fair_model_is_rarely_refused() -> None:
    assert sum(bool(failed(answered(seed=seed))) for seed in range(40)) <= 2


def test_a_better_model_that_is_unfair_is_kept_out_for_that_reason() -> None:
    worse = HoldoutScores(
        labels=FAIR.labels,
        champion=0.3 * FAIR.scores + 0.35,
        challenger=UNDERRATED.scores,
        nights=FAIR.nights,
        slices={},
    )
    gates, checks = Gates(), fairness.checks(measure(UNDERRATED), DECLARED)
    assert gate.judge(worse, gates, GateRule.BOOTSTRAP, YES_OR_NO).outcome is Outcome.PROMOTE
    verdict = gate.judge(worse, gates, GateRule.BOOTSTRAP, YES_OR_NO, extra_checks=checks)
    assert verdict.outcome is Outcome.KEEP
    assert "group zone=south: calibration relative to all rows 0." in verdict.reason
    assert all(isinstance(check, Check) for check in verdict.checks)
