"""The end of an experiment: what the two models' decisions cost, each on the rows that it answered itself."""

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats
from ml.checks import Answer
from ml.rollout.canary.checks import Watched
from ml.rollout.canary.observations import Rows
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.usecase import Experiment

_SEED = 20130601


def cost(rows: Rows, rule: Experiment, target: Target, matured_share: float) -> Watched:
    """Return how much less 1000 rows cost by the canary than by the champion, judged once the last night has its labels.

    The first `nights` nights alone are judged, so that whoever looks later sees the same. At their end it is a fail
    unless the interval lies above 0: a tie keeps the champion.
    """
    ended = _ended(rows, rule.nights, matured_share)
    gain = _gain(rows, target, np.isin(rows.nights, ended), rule.confidence) if len(ended) == rule.nights else None
    told = "" if gain is None else f" [{gain.low:,.0f}, {gain.high:,.0f}]"
    answer = Answer.INCONCLUSIVE if len(ended) < rule.nights else Answer.of(gain is not None and gain.low > 0)
    return Watched(
        name=f"cost gain per 1000 rows{told}",
        value=None if gain is None else gain.value,
        bar=f"the {rule.confidence:.0%} interval above 0",
        answer=answer,
        seen=len(ended),
        needed=rule.nights,
        of="nights with their labels",
    )


def _ended(rows: Rows, first: int, matured_share: float) -> list[str]:
    """Return those of the `first` nights that have their labels."""
    place, nights = pd.factorize(rows.nights, sort=True)
    labelled = np.bincount(place, weights=np.isfinite(rows.labels)) / np.bincount(place)
    return [night for night, share in zip(nights[:first], labelled[:first], strict=True) if share >= matured_share]


def _gain(rows: Rows, target: Target, within: Booleans, confidence: float) -> Interval | None:
    """Return by how much the champion's mean cost is above the canary's; None where an interval cannot be had."""
    scores = np.where(rows.by_canary, rows.scores.canary, rows.scores.champion)
    known = within & np.isfinite(scores) & np.isfinite(rows.labels)
    paid = target.row_cost(rows.labels[known], scores[known])
    place, nights = pd.factorize(rows.nights[known], sort=True)

    def mean(drawn: Floats, ours: Booleans) -> Floats:
        total, number = (
            np.bincount(place[ours], weights=each[ours], minlength=len(nights)) for each in (paid, np.ones(len(paid)))
        )
        return np.asarray((drawn @ total) / (drawn @ number))

    canary = rows.by_canary[known]
    return intervals.over_nights(
        lambda drawn: 1000 * (mean(drawn, ~canary) - mean(drawn, canary)), len(nights), confidence, _SEED
    )
