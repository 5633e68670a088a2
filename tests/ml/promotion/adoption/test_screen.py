from dataclasses import replace

import numpy as np
import pytest

from ml.arrays import Floats
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


def scored(champion: Floats, released: Floats, labels: Floats, judged: Floats) -> ScreenedScores:
    """Return what the screen compares, for models of which the one to release learned from some nights more."""
    return ScreenedScores(
        champion=champion, released=released, labels=labels, judged=judged, released_nights=104, champion_nights=90
    )


def failed(scores: ScreenedScores, target: Target = YES_OR_NO) -> list[str]:
    return [each.setting for each in screen.checks(scores, target, Adoption()) if each.status is not CheckStatus.PASS]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (scored(champion=SCORES, released=SCORES + 0.05, labels=LABELS, judged=SCORES), []),
        (
            scored(champion=SCORES, released=SCORES + 0.2, labels=LABELS, judged=SCORES),
            ["adoption.max_score_shift"],
        ),
        (
            scored(champion=SCORES, released=SCORES - 0.2, labels=LABELS, judged=SCORES),
            ["adoption.max_score_shift"],
        ),
        (
            scored(champion=SCORES, released=SCORES, labels=1 - LABELS, judged=SCORES),
            ["adoption.max_label_shift"],
        ),
        (
            scored(champion=SCORES, released=SCORES, labels=0 * LABELS, judged=SCORES),
            ["adoption.max_label_shift"],
        ),
        (scored(champion=NONE, released=NONE, labels=LABELS, judged=SCORES), ["adoption.max_score_shift"]),
        (
            scored(champion=SCORES, released=SCORES * np.nan, labels=LABELS, judged=SCORES),
            ["adoption.max_score_shift"],
        ),
        (scored(champion=SCORES, released=SCORES, labels=NONE, judged=NONE), ["adoption.max_label_shift"]),
    ],
    ids=["as usual", "higher", "lower", "flipped labels", "lost positives", "none waits", "not numbers", "none judged"],
)
def test_a_fault_that_moves_scores_or_labels_fails_its_check(scores: ScreenedScores, expected: list[str]) -> None:
    assert failed(scores) == expected


def test_a_regression_is_screened_in_units_of_its_loss() -> None:
    minutes = RNG.uniform(10, 50, 500)
    labels = minutes - np.where(np.arange(500) % 4 == 0, -5.0, 5.0)
    near, far = (
        scored(champion=minutes, released=minutes + shift, labels=labels, judged=minutes) for shift in (0.1, 30.0)
    )
    assert "adoption.max_score_shift" not in failed(near, MINUTES)
    assert "adoption.max_score_shift" in failed(far, MINUTES)


@pytest.mark.parametrize(
    ("released", "champion", "passes"),
    [(45, 90, True), (44, 90, False), (5, 90, False), (90, 45, True), (None, 90, False), (90, None, False)],
)
def test_a_model_that_learned_from_few_nights_fails(released: int | None, champion: int | None, passes: bool) -> None:
    scores = replace(scored(SCORES, SCORES, LABELS, SCORES), released_nights=released, champion_nights=champion)
    assert failed(scores) == ([] if passes else ["adoption.min_nights_share"])
