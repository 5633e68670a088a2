"""What the pictures of a model show: is a score what came, and what does acting on the highest scores bring?"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.metrics import probability
from ml.statistics import intervals
from ml.statistics.intervals import Interval, ScoredRows
from ml.usecase import Cost

_BINS, _MIN_ROWS, _POINTS, _SEED = 10, 25, 100, 20130204


@dataclass(frozen=True, kw_only=True, slots=True)
class ReliabilityBin:
    """Rows of like scores: how many, their mean score, and what came; None where nights are too few.

    That is the share that came true, or of a number the share of labels below the answer.
    """

    rows: int
    score: float
    observed: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GainsCurve:
    """Acting on the highest scores: the `shares` of rows acted on, and for each the share of positives found and saved.

    `saved` is money for 1000 rows against never acting; `acted` the share whose scores lie above the threshold.
    """

    shares: Floats
    recall: Floats
    saved_per_1000: Floats
    share_above_threshold: float


def reliability_bins(rows: ScoredRows, observed: Floats, confidence: float) -> tuple[ReliabilityBin, ...]:
    """Return ten bins of equal count by score, fewer where each would have less than 25 rows.

    `observed`, shape (n,), is what each row contributes to the observed side of a bin: see `Target.row_calibration`.
    """
    order = np.argsort(rows.scores, kind="stable")
    blocks = np.array_split(order, max(1, min(_BINS, len(order) // _MIN_ROWS)))
    return tuple(
        ReliabilityBin(
            rows=len(block),
            score=float(rows.scores[block].mean()),
            observed=intervals.ratio_by_night(
                observed[block], np.ones(len(block)), rows.nights[block], confidence, _SEED
            ),
        )
        for block in blocks
    )


def gains_curve(rows: ScoredRows, cost: Cost) -> GainsCurve:
    """Return what acting on the highest scores finds and saves, for shares from none to all; n >= 1."""
    order = np.argsort(-rows.scores, kind="stable")
    labels = rows.labels[order]
    shares = np.linspace(0, 1, _POINTS + 1)
    acted_rows = np.round(shares * len(labels)).astype(np.int64)
    positives = np.concatenate([[0.0], np.cumsum(labels)])[acted_rows]
    all_ones = np.ones(len(labels))
    acting_costs = probability.row_cost(labels, all_ones, cost)
    savings = np.concatenate([[0.0], np.cumsum(labels * cost.miss - acting_costs)])[acted_rows]
    return GainsCurve(
        shares=shares,
        recall=positives / max(float(labels.sum()), 1.0),
        saved_per_1000=savings / len(labels) * 1000,
        share_above_threshold=float((rows.scores > cost.threshold).mean()),
    )
