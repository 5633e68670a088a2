"""What the pictures of a model show: is a score what came, and what does acting on the highest scores bring?"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.metrics import probability
from ml.statistics import intervals
from ml.statistics.intervals import Answered, Interval
from ml.usecase import Cost

_BINS, _LEAST_ROWS, _POINTS, _SEED = 10, 25, 100, 20130204


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Rows of like scores: how many, their mean score, and what came; None where nights are too few.

    That is the share that came true, or of a number the share of labels below the answer.
    """

    rows: int
    score: float
    seen: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gains:
    """Acting on the highest scores: the `shares` of rows acted on, and for each the share of positives found and saved.

    `saved` is money for 1000 rows against never acting; `acted` the share whose scores lie above the threshold.
    """

    shares: Floats
    found: Floats
    saved: Floats
    acted: float


def reliability(rows: Answered, observed: Floats, confidence: float) -> tuple[Bin, ...]:
    """Return ten bins of equal count by score, fewer where each would have less than 25 rows.

    `observed`, shape (n,), is what each row contributes to the observed side of a bin: see `Target.row_calibration`.
    """
    order = np.argsort(rows.scores, kind="stable")
    blocks = np.array_split(order, max(1, min(_BINS, len(order) // _LEAST_ROWS)))
    return tuple(
        Bin(
            rows=len(block),
            score=float(rows.scores[block].mean()),
            seen=intervals.ratio_by_night(observed[block], np.ones(len(block)), rows.nights[block], confidence, _SEED),
        )
        for block in blocks
    )


def gains(rows: Answered, cost: Cost) -> Gains:
    """Return what acting on the highest scores finds and saves, for shares from none to all; n >= 1."""
    order = np.argsort(-rows.scores, kind="stable")
    labels = rows.labels[order]
    shares = np.linspace(0, 1, _POINTS + 1)
    acted = np.round(shares * len(labels)).astype(np.int64)
    positives = np.concatenate([[0.0], np.cumsum(labels)])[acted]
    every = np.ones(len(labels))
    paid = probability.row_cost(labels, every, cost)
    spared = np.concatenate([[0.0], np.cumsum(labels * cost.miss - paid)])[acted]
    return Gains(
        shares=shares,
        found=positives / max(float(labels.sum()), 1.0),
        saved=spared / len(labels) * 1000,
        acted=float((rows.scores > cost.threshold).mean()),
    )
