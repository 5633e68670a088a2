"""What scores are worth before their labels come: each calibrated probability says how likely its own label is.

Confidence-based performance estimation (Guo, Pleiss, Sun, Weinberger, 2017, have calibration as its ground; NannyML has it
as CBPE): the expectation of a measure over labels drawn by the scores themselves. It sees another mix of rows; it cannot see
that the same rows have come to mean something else, where it must be wrong, and is told so once the labels are there.
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
    """A measure's expectation, and where chance in the labels alone leaves it; None where that has no closed form."""

    value: float
    low: float | None = None
    high: float | None = None


def estimate_performance(scores: Floats, cost: Cost, confidence: float = 0.95) -> Mapping[str, Estimate]:
    """Return what probabilities `scores`, shape (n,), are expected to come to, by the names of what is measured later.

    Labels are taken as independent, which those of one night are not: intervals are too narrow by what a night shares.
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
    """Return the expected area under the ROC curve: weighted pairs of a yes above a no, ties half, over all such pairs.

    None where no pair is possible.
    """
    values, value_index = np.unique(scores, return_inverse=True)
    positive_mass, negative_mass = (np.bincount(value_index, weight, len(values)) for weight in (scores, 1 - scores))
    negative_mass_below = np.cumsum(negative_mass) - negative_mass
    self_pairs = np.bincount(value_index, scores * (1 - scores), len(values))
    concordant = float((positive_mass * negative_mass_below + (positive_mass * negative_mass - self_pairs) / 2).sum())
    pairs = float(positive_mass.sum() * negative_mass.sum() - self_pairs.sum())
    return concordant / pairs if pairs > 0 else None


def _expected_mean(scores: Floats, value_if_negative: Floats, value_if_positive: Floats, confidence: float) -> Estimate:
    """Return the expected mean of what a row counts when its label is no, or yes."""
    value = float(((1 - scores) * value_if_negative + scores * value_if_positive).mean())
    deviation = float(np.sqrt((scores * (1 - scores) * (value_if_positive - value_if_negative) ** 2).sum())) / len(
        scores
    )
    half_width = NormalDist().inv_cdf((1 + confidence) / 2) * deviation
    return Estimate(value=value, low=value - half_width, high=value + half_width)
