"""What retraining was worth: the loss and the cost of the scores as served, against those of the first champion."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target

_SEED = 20130131


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainingGain:
    """The gain of the scores as served over those of the first champion, on the same `rows` rows of `nights` nights.

    `loss` is the first champion's mean loss minus the served one, `saved` the same for the cost per 1000 rows; both
    have an interval over blocks of nights, and are positive if retraining paid.
    """

    nights: int
    rows: int
    served_loss: float
    first_loss: float
    loss: Interval
    saved: Interval


def measure(
    labels: Floats, served: Floats, first: Floats, nights: Strings, target: Target, block_size: int, confidence: float
) -> RetrainingGain:
    """Return the gain of the `served` scores over those of the `first` champion; all arrays have the shape (n,), n > 0.

    A block has `block_size` of the nights, counted from the first of them.
    """
    distinct, index = np.unique(nights.astype(str), return_inverse=True)
    blocks = np.array([distinct[number - number % block_size] for number in range(len(distinct))], object)[index]
    served_loss, first_loss = target.row_loss(labels, served), target.row_loss(labels, first)
    cost_gain = target.row_cost(labels, first) - target.row_cost(labels, served)
    return RetrainingGain(
        nights=len(distinct),
        rows=len(labels),
        served_loss=float(served_loss.mean()),
        first_loss=float(first_loss.mean()),
        loss=intervals.mean_by_night(first_loss - served_loss, blocks, confidence, _SEED),
        saved=intervals.mean_by_night(1000 * cost_gain, blocks, confidence, _SEED),
    )
