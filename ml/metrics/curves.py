"""The numbers behind the plots of a model: reliability by score, and the gains of acting on the highest scores."""

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
    """Rows with similar scores: their number, their mean score, and the observed value; None with too few nights.

    The observed value is the share of positives or, for regression, the share of labels below the prediction.
    """

    rows: int
    score: float
    observed: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GainsCurve:
    """The effect of acting on the highest scores, for each share of the rows in `shares`.

    `recall` is the share of positives acted on. `saved_per_1000` is the savings per 1000 rows, compared with never
    acting. `share_above_threshold` is the share of rows that the model acts on.
    """

    shares: Floats
    recall: Floats
    saved_per_1000: Floats
    share_above_threshold: float


def reliability_bins(rows: ScoredRows, observed: Floats, confidence: float) -> tuple[ReliabilityBin, ...]:
    """Return ten bins of equal count by score, or fewer so that each has at least 25 rows.

    `observed`, shape (n,), is each row's observed value, which a bin averages; see `ml.targets.Target.row_calibration`.
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
    """Return recall and savings of acting on the highest scores, for shares of the rows from 0 to 1; n >= 1."""
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
