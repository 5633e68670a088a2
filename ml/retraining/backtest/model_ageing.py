"""Model ageing: the excess loss of older models over the freshest model, on the same rows so that seasons cancel."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from ml.arrays import Floats, Integers, Strings
from ml.retraining.backtest import results
from ml.retraining.backtest.context import BacktestContext
from ml.retraining.backtest.history import TrainedModel, Trainings
from ml.statistics import intervals
from ml.statistics.intervals import Interval

_SEED = 20130208
_NIGHTS_PER_STEP = {"day": 28, "month": 6}


@dataclass(frozen=True, kw_only=True, slots=True)
class LossByAge:
    """The excess loss of models `first` to `last` nights old over the freshest model, with its interval over blocks.

    A block is a week, or a month if each night is a month.
    """

    first: int
    last: int
    models: int
    rows: int
    excess: Interval


def loss_by_age(context: BacktestContext, trainings: Trainings, confidence: float) -> tuple[LossByAge, ...]:
    """Return the excess loss by age of the models, the youngest first; () if fewer than two models were trained."""
    models = _by_night(each for each in trainings.values() if isinstance(each, TrainedModel))
    rows = results.labelled_rows(context)
    pairs = sorted(_excess_losses(models, rows, context), key=lambda pair: pair[0])
    steps = groupby(pairs, key=lambda pair: pair[0])
    return tuple(_measure_step(step, [each[1:] for each in group], context, confidence) for step, group in steps)


def _by_night(trained: Iterable[TrainedModel]) -> list[TrainedModel]:
    """Return one model for each night in order: that with the fewest nights held out."""
    models: dict[date, TrainedModel] = {}
    for each in sorted(trained, key=lambda each: each.training):
        models.setdefault(each.night, each)
    return list(models.values())


def find_age(ages: Iterable[LossByAge], age_nights: int) -> LossByAge | None:
    """Return the excess loss of models of this age; None if no model was so old."""
    return next((each for each in ages if each.first <= age_nights <= each.last), None)


def _excess_losses(
    models: list[TrainedModel], rows: Integers, context: BacktestContext
) -> Iterator[tuple[int, date, Strings, Floats]]:
    """Yield, for each model and age step: (step, trained night, nights of the rows, excess losses of the rows)."""
    history, size = context.history, _NIGHTS_PER_STEP[context.case.schedule.every]
    trained = np.array([str(each.night) for each in models])
    nights = history.nights[rows].astype(str)
    freshest = np.searchsorted(trained, nights) - 1  # a model scores from the night after its training
    losses = [each.target.row_loss(history.labels[rows], each.scores[rows]) for each in models]
    distinct, night_index = np.unique(nights, return_inverse=True)
    for number, model in enumerate(models):
        ages = np.array([context.case.schedule.count(model.night, date.fromisoformat(each)) for each in distinct])
        older = freshest > number
        step = (ages[night_index] - 1) // size
        for each in np.unique(step[older]):
            selected = older & (step == each)
            freshest_loss = np.stack(losses)[freshest[selected], np.flatnonzero(selected)]
            yield int(each), model.night, history.nights[rows][selected], losses[number][selected] - freshest_loss


def _measure_step(
    step: int, samples: list[tuple[date, Strings, Floats]], context: BacktestContext, confidence: float
) -> LossByAge:
    size = _NIGHTS_PER_STEP[context.case.schedule.every]
    nights, excess = (np.concatenate([each[position] for each in samples]) for position in (1, 2))
    weeks = results.block_starts(nights, context)
    return LossByAge(
        first=step * size + 1,
        last=(step + 1) * size,
        models=len({model for model, _, _ in samples}),
        rows=len(excess),
        excess=intervals.mean_by_night(excess, weeks, confidence, _SEED),
    )
