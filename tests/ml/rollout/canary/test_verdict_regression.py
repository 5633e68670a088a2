"""A canary that answers with minutes: each fault is found by the check that is for it, in minutes and what they cost."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from ml.arrays import Floats
from ml.promotion.gate import CheckStatus
from ml.rollout.canary import CanaryObservations, CanaryOutcome, CanaryVerdict, ComparedRows, PairedScores
from ml.usecase import Canary, Experiment
from tests.ml.answers import MINUTES
from tests.ml.rollout.canary import asked
from tests.ml.rollout.canary.asked import RULE

UPPER_QUARTILE = 4 * 0.6744897501960817  # of how far labels lie from what is expected
SHADOW = 1000


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a canary does to minutes: so many too much, stretched by a factor, noisy, always the same."""

    minutes: float = 0.0
    stretch: float = 1.0
    noise: float = 0.5
    constant: bool = False

    def of(self, answers: Floats, chance: np.random.Generator) -> Floats:
        if self.constant:
            return np.full(len(answers), answers.mean())
        return answers * self.stretch + self.minutes + chance.normal(0, self.noise, len(answers))


def seen(fault: Fault = Fault(), *, seed: int = 0, rows: int = 8000, scale: float = 1.0) -> CanaryObservations:
    """Return what is seen of a canary that was sound as a shadow and has `fault` since; `scale` is a minute's unit."""
    chance = np.random.default_rng(seed)
    expected = chance.uniform(5, 40, rows + SHADOW)
    champion = expected + UPPER_QUARTILE + chance.normal(0, 0.5, len(expected))
    right = expected + UPPER_QUARTILE
    now = PairedScores(champion=scale * champion[SHADOW:], canary=scale * fault.of(right[SHADOW:], chance))
    before = PairedScores(champion=scale * champion[:SHADOW], canary=scale * Fault().of(right[:SHADOW], chance))
    given = asked.seen(seed=seed, rows=rows, shadow=before)
    labels = scale * (expected[SHADOW:] + chance.normal(0, 4, rows))
    return replace(
        given,
        rows=ComparedRows(
            scores=now, labels=labels, nights=given.rows.nights, served_by_canary=given.rows.served_by_canary
        ),
    )


def judge(given: CanaryObservations, rule: Canary | Experiment = RULE, scale: float = 1.0) -> CanaryVerdict:
    return asked.judge(given, rule, replace(MINUTES, scale=scale * MINUTES.scale))


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        pytest.param(Fault(minutes=3.0), "calibration", id="too much"),
        pytest.param(Fault(minutes=-3.0), "calibration", id="too little"),
        pytest.param(Fault(minutes=3.0), "predictions (in units", id="moved"),
        pytest.param(Fault(minutes=-3.0), "predictions (in units", id="moved down"),
        pytest.param(Fault(constant=True), "rows", id="constant"),
        pytest.param(Fault(constant=True), "cost", id="dear"),
        pytest.param(Fault(noise=5.0), "cost", id="noisy"),
        pytest.param(Fault(stretch=60.0), "cost", id="in seconds"),
    ],
)
def test_a_canary_that_answers_other_minutes_is_rolled_back_by_the_check_for_it(fault: Fault, check: str) -> None:
    verdict = judge(seen(fault))
    assert verdict.outcome is CanaryOutcome.ROLL_BACK
    assert any(each.name.startswith(check) for each in verdict.checks if each.status is CheckStatus.FAIL)


@pytest.mark.parametrize("seed", range(10))
def test_an_equal_canary_of_minutes_goes_on_to_the_next_share(seed: int) -> None:
    assert judge(seen(seed=seed)).outcome is CanaryOutcome.ADVANCE


def test_a_number_is_never_said_to_cost_an_action_or_to_have_log_odds() -> None:
    assert [each.name for each in judge(seen()).checks][3:] == [
        "predictions (in units of the best constant's loss) moved from where the shadow's were",
        "calibration gap beyond the champion's",
        "cost of a prediction minus the champion's, in units of the best constant's cost",
    ]


@pytest.mark.parametrize("fault", [Fault(), Fault(minutes=3.0), Fault(noise=5.0)], ids=["none", "moved", "noisy"])
def test_seconds_are_judged_like_minutes(fault: Fault) -> None:
    minutes, seconds = judge(seen(fault)), judge(seen(fault, scale=60.0), scale=60.0)
    assert seconds.outcome is minutes.outcome
    assert [each.failed_after for each in seconds.checks] == [each.failed_after for each in minutes.checks]
    assert [each.value for each in seconds.checks] == pytest.approx([each.value for each in minutes.checks])


def test_labels_that_are_the_answer_are_no_gap_of_calibration() -> None:
    given = seen()
    same = np.full(len(given.rows.labels), 40.0)
    off = replace(given.rows.scores, champion=same + 0.5, canary=same)
    verdict = judge(replace(given, rows=replace(given.rows, scores=off, labels=same)))
    (calibration,) = (each for each in verdict.checks if each.name.startswith("calibration"))
    assert calibration.status is CheckStatus.PASS


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(Fault(), CanaryOutcome.ROLL_BACK), (Fault(noise=0.0), CanaryOutcome.ADVANCE)],
    ids=["noisier", "cheaper"],
)
def test_an_experiment_with_minutes_lets_in_only_what_is_shown_cheaper(fault: Fault, outcome: CanaryOutcome) -> None:
    given = seen(fault)
    scores = given.rows.scores
    blind = Fault(noise=4.0).of(scores.champion, np.random.default_rng(1))
    worse, sound = (blind, scores.canary) if outcome is CanaryOutcome.ADVANCE else (scores.champion, blind)
    changed = replace(given.rows, scores=PairedScores(champion=worse, canary=sound))
    assert judge(replace(given, rows=changed), Experiment(nights=14)).outcome is outcome
