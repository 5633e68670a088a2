"""What a model loses by its age: beside the freshest model there was, on the same rows, so that no season is taken for age."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from ml.arrays import Floats, Integers, Strings
from ml.retraining.backtest import results
from ml.retraining.backtest.context import Scene
from ml.retraining.backtest.history import Trained
from ml.retraining.backtest.simulation import Trainings
from ml.statistics import intervals
from ml.statistics.intervals import Interval

_SEED = 20130208
_NIGHTS_A_STEP = {"day": 28, "month": 6}


@dataclass(frozen=True, kw_only=True, slots=True)
class Aged:
    """Models from `first` to `last` nights old: how much more they lose than the freshest, with its interval by week."""

    first: int
    last: int
    models: int
    rows: int
    excess: Interval


def curve(scene: Scene, trainings: Trainings, confidence: float) -> tuple[Aged, ...]:
    """Return what models lose by age, the youngest first; nothing where fewer than two were trained."""
    models = sorted((each for each in trainings.values() if isinstance(each, Trained)), key=lambda each: each.night)
    rows = results.labelled(scene)
    pairs = sorted(_pairs(models, rows, scene), key=lambda pair: pair[0])
    steps = groupby(pairs, key=lambda pair: pair[0])
    return tuple(_aged(step, [each[1:] for each in found], scene, confidence) for step, found in steps)


def at(ages: Iterable[Aged], age_nights: int) -> Aged | None:
    """Return what models of this age lose; None where none were so old."""
    return next((each for each in ages if each.first <= age_nights <= each.last), None)


def _pairs(models: list[Trained], rows: Integers, scene: Scene) -> Iterator[tuple[int, date, Strings, Floats]]:
    """Yield for each model, and each step of its age, the nights of rows and what it lost more than the freshest."""
    past, size = scene.past, _NIGHTS_A_STEP[scene.case.horizon.every]
    trained = np.array([str(each.night) for each in models])
    nights = past.nights[rows].astype(str)
    freshest = np.searchsorted(trained, nights) - 1  # one answers from the night after it was trained
    lost = [each.target.row_loss(past.labels[rows], each.scores[rows]) for each in models]
    distinct, place = np.unique(nights, return_inverse=True)
    for number, model in enumerate(models):
        ages = np.array([scene.case.horizon.count(model.night, date.fromisoformat(each)) for each in distinct])
        older = freshest > number
        step = (ages[place] - 1) // size
        for each in np.unique(step[older]):
            at = older & (step == each)
            fresh = np.stack(lost)[freshest[at], np.flatnonzero(at)]
            yield int(each), model.night, past.nights[rows][at], lost[number][at] - fresh


def _aged(step: int, found: list[tuple[date, Strings, Floats]], scene: Scene, confidence: float) -> Aged:
    size = _NIGHTS_A_STEP[scene.case.horizon.every]
    nights, excess = (np.concatenate([each[place] for each in found]) for place in (1, 2))
    weeks = results.blocks(nights, scene)
    return Aged(
        first=step * size + 1,
        last=(step + 1) * size,
        models=len({model for model, _, _ in found}),
        rows=len(excess),
        excess=intervals.mean_by_night(excess, weeks, confidence, _SEED),
    )
