import numpy as np
import pytest

from ml.governance.checks import CheckStatus
from ml.promotion.adoption import screen
from ml.promotion.adoption.screen import ScreenedScores
from ml.targets import Target
from ml.usecase import Adoption
from tests.ml.answers import MINUTES, YES_OR_NO

RNG = np.random.default_rng(4)
SCORES = RNG.uniform(0.1, 0.5, 1000)
LABELS = (RNG.random(1000) < SCORES).astype(np.float64)
NONE = np.zeros(0)


def failed(scores: ScreenedScores, target: Target = YES_OR_NO) -> list[str]:
    return [each.setting for each in screen.checks(scores, target, Adoption()) if each.status is not CheckStatus.PASS]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (ScreenedScores(champion=SCORES, released=SCORES + 0.05, labels=LABELS, judged=SCORES), []),
        (
            ScreenedScores(champion=SCORES, released=SCORES + 0.2, labels=LABELS, judged=SCORES),
            ["adoption.max_score_shift"],
        ),
        (
            ScreenedScores(champion=SCORES, released=SCORES - 0.2, labels=LABELS, judged=SCORES),
            ["adoption.max_score_shift"],
        ),
        (
            ScreenedScores(champion=SCORES, released=SCORES, labels=1 - LABELS, judged=SCORES),
            ["adoption.max_label_shift"],
        ),
        (
            ScreenedScores(champion=SCORES, released=SCORES, labels=0 * LABELS, judged=SCORES),
            ["adoption.max_label_shift"],
        ),
        (ScreenedScores(champion=NONE, released=NONE, labels=LABELS, judged=SCORES), ["adoption.max_score_shift"]),
        (
            ScreenedScores(champion=SCORES, released=SCORES * np.nan, labels=LABELS, judged=SCORES),
            ["adoption.max_score_shift"],
        ),
        (ScreenedScores(champion=SCORES, released=SCORES, labels=NONE, judged=NONE), ["adoption.max_label_shift"]),
    ],
    ids=["as usual", "higher", "lower", "flipped labels", "lost positives", "none waits", "not numbers", "none judged"],
)
def test_a_fault_that_moves_scores_or_labels_fails_its_check(scores: ScreenedScores, expected: list[str]) -> None:
    assert failed(scores) == expected


def test_a_regression_is_screened_in_units_of_its_loss() -> None:
    minutes = RNG.uniform(10, 50, 500)
    labels = minutes - np.where(np.arange(500) % 4 == 0, -5.0, 5.0)
    near, far = (
        ScreenedScores(champion=minutes, released=minutes + shift, labels=labels, judged=minutes)
        for shift in (0.1, 30.0)
    )
    assert "adoption.max_score_shift" not in failed(near, MINUTES)
    assert "adoption.max_score_shift" in failed(far, MINUTES)
