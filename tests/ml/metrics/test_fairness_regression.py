"""Numbers for groups: a model that is off for one of them is refused for that, and a fair one is rarely."""

from dataclasses import replace

import numpy as np
import pytest

from ml.arrays import Floats
from ml.governance.checks import CheckStatus
from ml.metrics import fairness_regression, quantile
from ml.metrics.fairness_regression import Group
from ml.statistics.intervals import Interval, ScoredRows
from ml.usecase import Fairness
from tests.ml.answers import MINUTES, waited, zones

DECLARED = Fairness(group_by=("zone",), min_rows=400)
FAIR = waited()
SOUTH = (FAIR.frame["zone"] == "south").to_numpy()


def measure(rows: ScoredRows, declared: Fairness = DECLARED) -> tuple[Group, ...]:
    lost = MINUTES.row_loss(rows.labels, rows.scores)
    return fairness_regression.measure(rows, zones(rows), np.ones(len(rows.labels), bool), declared, lost, 0.95)


def failed(rows: ScoredRows, declared: Fairness = DECLARED) -> list[str]:
    checks = fairness_regression.checks(measure(rows, declared), declared)
    return [check.name for check in checks if check.status is not CheckStatus.PASS]


def scored(south: Floats) -> ScoredRows:
    return replace(FAIR, scores=np.where(SOUTH, south, FAIR.scores))


TOO_LOW = scored(FAIR.scores - 4)
UNKNOWING = scored(np.full(len(SOUTH), np.quantile(FAIR.labels, 0.75)))


def value(each: Interval | None) -> float:
    assert each is not None
    assert each.low <= each.value <= each.high
    return each.value


def test_a_groups_numbers_are_those_of_its_rows() -> None:
    south = measure(TOO_LOW)[2]
    labels, scores = TOO_LOW.labels[SOUTH], TOO_LOW.scores[SOUTH]
    reported = (south.mean_label, south.bias, south.mean_absolute_error, south.share_below, south.loss)
    below, lost = quantile.row_coverage(labels, scores).mean(), MINUTES.row_loss(labels, scores).mean()
    expected = [labels.mean(), quantile.bias(labels, scores), quantile.mean_absolute_error(labels, scores), below, lost]
    assert [value(each) for each in reported] == pytest.approx(expected)
    everybody = MINUTES.row_loss(TOO_LOW.labels, TOO_LOW.scores).mean()
    assert value(south.loss_ratio) == pytest.approx(lost / everybody)
    assert value(south.coverage_difference) == pytest.approx(
        below - quantile.row_coverage(TOO_LOW.labels, TOO_LOW.scores).mean()
    )


@pytest.mark.parametrize(
    ("rows", "reported"),
    [
        pytest.param(
            TOO_LOW, "group zone=south: share below the prediction, minus that of all rows", id="too low for one"
        ),
        pytest.param(UNKNOWING, "group zone=south: loss relative to all rows", id="one answer for one"),
    ],
)
def test_a_model_that_is_unfair_to_a_group_is_refused_by_its_gate(rows: ScoredRows, reported: str) -> None:
    assert reported in failed(rows)


def test_a_fair_model_is_rarely_refused() -> None:
    assert sum(bool(failed(waited(seed=seed))) for seed in range(40)) <= 2


def test_the_bars_are_those_that_the_use_case_declares() -> None:
    assert failed(UNKNOWING, replace(DECLARED, max_loss=9.0, coverage_margin=0.9)) == []
    assert failed(UNKNOWING, replace(DECLARED, min_rows=701)) == []
    assert "1.5 times that of all rows" in fairness_regression.describe_bars(DECLARED)


def test_one_night_gates_nobody_through() -> None:
    assert len(failed(waited(nights=1, a_night=1500))) == 6


def test_a_share_lies_between_0_and_1_and_so_does_its_interval() -> None:
    above = measure(waited(nights=2, a_night=900, off=20.0))
    assert all(
        each.share_below is not None and 0 <= each.share_below.low <= each.share_below.high <= 1 for each in above
    )
