"""What age costs is told beside the freshest model on the same rows: a season is no age, and one model has none."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from ml.retraining.backtest import model_ageing, results
from ml.retraining.backtest.history import TrainedModel, TrainingId, TrainingRefusal, TrainingResult
from ml.retraining.backtest.model_ageing import LossByAge
from tests.ml.retraining.backtest import world
from tests.ml.retraining.backtest.world import HISTORY, WALKED

SCENE = world.scene(world.past())
BEGINNING = SCENE.initial_training_night
REFUSED = TrainingId(world.night(HISTORY + 5))


def model(night: date, wrong: float) -> TrainedModel:
    """Return a model whose every answer lies `wrong` off what came."""
    labels = SCENE.history.labels
    scores = np.abs(labels - 0.1 - wrong)
    return replace(world.trained(SCENE.history, TrainingId(night)), scores=scores)


def grown(*wrong: float) -> dict[TrainingId, TrainingResult]:
    """Return models trained ten nights apart, each this far off."""
    return {
        TrainingId(BEGINNING + timedelta(days=10 * place)): model(BEGINNING + timedelta(days=10 * place), each)
        for place, each in enumerate(wrong)
    }


def test_of_models_that_are_equally_good_none_ages() -> None:
    result = model_ageing.loss_by_age(SCENE, grown(0.1, 0.1, 0.1), 0.95)
    assert [each.excess.value for each in result] == [0.0] * len(result)
    assert [(each.first, each.last) for each in result] == [(1, 28), (29, 56)]


def test_what_the_older_lose_more_than_the_freshest_is_what_age_costs() -> None:
    trainings = grown(0.3, 0.1)
    rows = results.labelled_rows(SCENE)
    after = rows[SCENE.history.nights[rows] > str(BEGINNING + timedelta(days=10))]
    old, new = (
        each.target.row_loss(SCENE.history.labels[after], each.scores[after])
        for each in trainings.values()
        if isinstance(each, TrainedModel)
    )
    result = model_ageing.loss_by_age(SCENE, trainings, 0.95)
    assert sum(each.rows for each in result) == len(after)
    mean = sum(each.excess.value * each.rows for each in result) / len(after)
    assert mean == pytest.approx(float((old - new).mean()))
    assert all(each.models == 1 for each in result)


@pytest.mark.parametrize(
    "trainings",
    [
        grown(0.1),
        grown(0.1) | {REFUSED: TrainingRefusal(training=REFUSED, reason="few rows")},
        grown(0.1) | {TrainingId(BEGINNING, 7): model(BEGINNING, 0.3)},
    ],
    ids=["one model", "one, and one that was refused", "one, and its model with nights held out"],
)
def test_one_model_alone_has_no_age(trainings: dict[TrainingId, TrainingResult]) -> None:
    assert model_ageing.loss_by_age(SCENE, trainings, 0.95) == ()


@pytest.mark.parametrize(("age", "first"), [(1, 1), (28, 1), (29, 29), (WALKED * 9, None), (0, None)])
def test_an_age_is_told_by_the_step_it_lies_in(age: int, first: int | None) -> None:
    result: LossByAge | None = model_ageing.find_age(model_ageing.loss_by_age(SCENE, grown(0.3, 0.1), 0.95), age)
    assert (result and result.first) == first
