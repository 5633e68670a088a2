import numpy as np
import pytest

from ml.training import fitting, tuning
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet
from tests.ml.answers import YES_OR_NO
from tests.ml.training.test_fitting import FRAME, LABELS, NAMES, NIGHTS

MATERIAL = fitting.prepare(FRAME, LABELS, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1)
CANDIDATES: list[Candidate] = [
    Logistic(strength=0.5, positive_weight=2.0),
    GradientBoosting(trees=60, leaves=8, random_splits=True),
    NeuralNet(layers=(16, 16), epochs=5),
]
EACH = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)


@EACH
def test_what_is_declared_settles_to_the_candidate_itself(candidate: Candidate) -> None:
    assert tuning.with_values(candidate, tuning.initial_values(candidate)) == candidate


@EACH
@pytest.mark.parametrize("end", ["low", "high"])
def test_every_end_of_the_space_is_a_candidate_that_keeps_what_is_not_searched(candidate: Candidate, end: str) -> None:
    result = {name: float(getattr(span, end)) for name, span in tuning.search_space(candidate).items()}
    settled = tuning.with_values(candidate, result)
    assert tuning.initial_values(settled) == result
    assert (settled.name, settled.positive_weight) == (candidate.name, candidate.positive_weight)


def test_a_declared_setting_outside_of_the_space_begins_at_its_end() -> None:
    assert tuning.initial_values(Logistic(strength=1e9)) == {"strength": 10.0}


@EACH
def test_settings_are_worth_the_log_loss_of_the_nights_ahead(candidate: Candidate) -> None:
    folds, log_odds = fitting.walk_forward(candidate, MATERIAL)
    ahead = np.any([fold.validation for fold in folds], axis=0)
    scores = 1 / (1 + np.exp(-log_odds[ahead]))
    expected = -(LABELS[ahead] * np.log(scores) + (1 - LABELS[ahead]) * np.log1p(-scores)).mean()
    assert tuning.validation_loss(candidate, MATERIAL) == pytest.approx(expected)


def test_better_settings_are_worth_more() -> None:
    assert tuning.validation_loss(Logistic(strength=1.0), MATERIAL) < tuning.validation_loss(
        Logistic(strength=1e-5), MATERIAL
    )
