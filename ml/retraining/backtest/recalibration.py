"""Recalibration in a backtest: a champion's scores pass through layers that are fitted while it answers.

A layer belongs to one champion: it is fitted to that model's own scores of the nights that it answered for, counts
only labels that were known at the time, and is dropped when the champion changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ml.arrays import Floats
from ml.retraining.backtest.context import BacktestContext
from ml.retraining.backtest.history import TrainedModel
from ml.targets import recalibration
from ml.targets.recalibration import FittedLayer, Recalibration
from ml.usecase.periods import Period


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerTerm:
    """A layer that was fitted as of `night`, and answers from the next night on, up to `last`."""

    night: date
    last: date
    fitted: FittedLayer


def served_scores(
    champion: TrainedModel,
    answered: Period,
    declared: Recalibration,
    context: BacktestContext,
    since: date = date.min,
) -> Floats:
    """Return the champion's scores for all rows of the nights `answered`, shape (n,), after the layer of each night.

    Layers that answered only before `since` are not fitted, to save time: those rows have the model's own scores.
    """
    history, schedule = context.history, context.case.schedule
    rows = history.rows(answered.first, answered.last)
    scores = champion.scores[rows].copy()
    for term in fit_layers(champion, answered, declared, context, since):
        after = history.rows(schedule.previous(term.night, -1), term.last)
        layered = term.fitted.layer.apply(champion.scores[after], champion.target)
        scores[after.start - rows.start : after.stop - rows.start] = layered
    return scores


def fit_layers(
    champion: TrainedModel,
    answered: Period,
    declared: Recalibration,
    context: BacktestContext,
    since: date = date.min,
) -> Iterator[LayerTerm]:
    """Yield the layers of a champion that answered on the nights `answered`, in order; the first nights have none."""
    case, history, step = context.case, context.history, declared.every_nights
    for offset in range(step, case.schedule.count(answered.first, answered.last) + 1, step):
        night = case.schedule.previous(answered.first, 1 - offset)
        last = min(case.schedule.previous(night, -step), answered.last)
        if last < since:
            continue
        rows = history.matured(history.rows(answered.first, night), case.schedule.cutoff(night), case.matured_share)
        fitted = recalibration.fit(
            history.labels[rows], champion.scores[rows], history.nights[rows], champion.target, declared
        )
        yield LayerTerm(night=night, last=last, fitted=fitted)
