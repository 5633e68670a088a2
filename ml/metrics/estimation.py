"""Performance estimation before the labels arrive.

Confidence-based performance estimation (CBPE, as in NannyML) is the expectation of a metric over labels that are drawn
with the scores as probabilities. It requires calibrated scores (Guo, Pleiss, Sun & Weinberger 2017). It reflects a
change in the mix of rows. It cannot reflect concept drift: there the estimate is wrong until the labels arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ml.arrays import Floats
from ml.metrics import probability
from ml.usecase import Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The expectation of a metric, with an interval for chance in the labels; None if that has no closed form."""

    value: float
    low: float | None = None
    high: float | None = None


def estimate_performance(scores: Floats, cost: Cost, confidence: float = 0.95) -> Mapping[str, Estimate]:
    """Return the expected value of each metric for `scores`, shape (n,), under the name of the metric.

    Labels are treated as independent. Those of one night are not, so that the intervals are too narrow.

    >>> estimates = estimate_performance(np.full(100, 0.5), Cost(act=1.0, miss=4.0, averted=0.5))
    >>> rate = estimates["label_rate"]
    >>> rate.value, round(rate.low, 3), round(rate.high, 3)  # 0.5 -+ 1.96 * sqrt(0.25 / 100)
    (0.5, 0.402, 0.598)
    """
    if not len(scores):
        return {}
    all_negative, all_positive = np.zeros_like(scores), np.ones_like(scores)
    by_label = {
        "log_loss": (probability.row_log_loss(all_negative, scores), probability.row_log_loss(all_positive, scores)),
        "brier": (scores**2, (1 - scores) ** 2),
        "label_rate": (all_negative, all_positive),
    }
    costs = probability.row_cost(all_negative, scores, cost), probability.row_cost(all_positive, scores, cost)
    by_label["saved_per_1000"] = (-1000 * costs[0], 1000 * (cost.miss - costs[1]))
    estimates = {name: _expected_mean(scores, *each, confidence) for name, each in by_label.items()}
    auc = expected_auc(scores)
    return estimates if auc is None else estimates | {"auc": Estimate(value=auc)}


def expected_auc(scores: Floats) -> float | None:
    """Return the expected number of concordant pairs, ties counting half, divided by the expected number of pairs.

    This approximates the expected area under the ROC curve. It is None if no pair is possible.

    >>> expected_auc(np.array([1.0, 0.0])), expected_auc(np.array([0.5, 0.5]))
    (1.0, 0.5)
    >>> expected_auc(np.array([1.0, 1.0])) is None
    True
    """
    values, value_index = np.unique(scores, return_inverse=True)
    positive_mass, negative_mass = (np.bincount(value_index, weight, len(values)) for weight in (scores, 1 - scores))
    negative_mass_below = np.cumsum(negative_mass) - negative_mass
    self_pairs = np.bincount(value_index, scores * (1 - scores), len(values))
    concordant = float((positive_mass * negative_mass_below + (positive_mass * negative_mass - self_pairs) / 2).sum())
    pairs = float(positive_mass.sum() * negative_mass.sum() - self_pairs.sum())
    return concordant / pairs if pairs > 0 else None


def _expected_mean(scores: Floats, value_if_negative: Floats, value_if_positive: Floats, confidence: float) -> Estimate:
    """Return the expected mean of a row's value, which is one of the two depending on its label, each shape (n,)."""
    value = float(((1 - scores) * value_if_negative + scores * value_if_positive).mean())
    deviation = float(np.sqrt((scores * (1 - scores) * (value_if_positive - value_if_negative) ** 2).sum())) / len(
        scores
    )
    half_width = NormalDist().inv_cdf((1 + confidence) / 2) * deviation
    return Estimate(value=value, low=value - half_width, high=value + half_width)
