"""An experiment is judged once, when its last night has its labels; a tie keeps the champion."""

from dataclasses import replace

import numpy as np
import pytest

from ml.rollout.canary import CanaryOutcome
from ml.usecase import Experiment
from tests.ml.rollout.canary.asked import Faults, judge, seen, until


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        pytest.param(Faults(noise=0.0), CanaryOutcome.ROLL_BACK, id="equal"),
        pytest.param(Faults(shift=-3.0), CanaryOutcome.ROLL_BACK, id="dearer"),
        pytest.param(Faults(erring=0.1), CanaryOutcome.ROLL_BACK, id="erring"),
    ],
)
def test_an_experiment_ends_with_the_champion_unless_the_canary_is_shown_cheaper(
    faults: Faults, outcome: CanaryOutcome
) -> None:
    assert judge(seen(faults, share=0.5), Experiment(nights=14)).outcome is outcome


def test_an_experiment_lets_in_what_is_shown_cheaper() -> None:
    given = seen(share=0.5)
    blind = replace(given.rows.scores, champion=1 - given.rows.scores.champion)
    verdict = judge(replace(given, rows=replace(given.rows, scores=blind)), Experiment(nights=14))
    assert verdict.outcome is CanaryOutcome.ADVANCE
    assert "the 95% interval above 0" in verdict.reason


def test_an_experiment_is_not_judged_before_its_last_night_has_its_labels() -> None:
    given = seen(Faults(shift=-3.0), share=0.5)
    assert judge(until(given, 13 * 400), Experiment(nights=14)).outcome is CanaryOutcome.CONTINUE
    open_ = np.where(given.rows.nights == "2020-01-14", np.nan, given.rows.labels)
    waiting = judge(replace(given, rows=replace(given.rows, labels=open_)), Experiment(nights=14))
    assert waiting.outcome is CanaryOutcome.CONTINUE
    assert "13 of 14 nights with their labels" in waiting.reason


def test_an_experiment_that_is_looked_at_later_says_the_same() -> None:
    given = seen(share=0.5)
    costs = [judge(until(given, rows), Experiment(nights=14)).checks[-1] for rows in (14 * 400, 8000)]
    assert costs[0] == costs[1]
