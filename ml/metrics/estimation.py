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


def expect(scores: Floats, cost: Cost, confidence: float = 0.95) -> Mapping[str, Estimate]:
    """Return what probabilities `scores`, shape (n,), are expected to come to, by the names of what is measured later.

    Labels are taken as independent, which those of one night are not: intervals are too narrow by what a night shares.
    """
    if not len(scores):
        return {}
    none, all_ = np.zeros_like(scores), np.ones_like(scores)
    by_label = {
        "log_loss": (probability.row_log_loss(none, scores), probability.row_log_loss(all_, scores)),
        "brier": (scores**2, (1 - scores) ** 2),
        "label_rate": (none, all_),
    }
    costs = probability.row_cost(none, scores, cost), probability.row_cost(all_, scores, cost)
    by_label["saved_per_1000"] = (-1000 * costs[0], 1000 * (cost.miss - costs[1]))
    found = {name: _mean(scores, *each, confidence) for name, each in by_label.items()}
    auc = ranked(scores)
    return found if auc is None else found | {"auc": Estimate(value=auc)}


def ranked(scores: Floats) -> float | None:
    """Return the expected area under the ROC curve: weighted pairs of a yes above a no, ties half, over all such pairs.

    None where no pair is possible.
    """
    values, place = np.unique(scores, return_inverse=True)
    yes, no = (np.bincount(place, weight, len(values)) for weight in (scores, 1 - scores))
    below = np.cumsum(no) - no
    with_itself = np.bincount(place, scores * (1 - scores), len(values))
    right = float((yes * below + (yes * no - with_itself) / 2).sum())
    pairs = float(yes.sum() * no.sum() - with_itself.sum())
    return right / pairs if pairs > 0 else None


def _mean(scores: Floats, at_no: Floats, at_yes: Floats, confidence: float) -> Estimate:
    """Return the expected mean of what a row counts when its label is no, or yes."""
    value = float(((1 - scores) * at_no + scores * at_yes).mean())
    deviation = float(np.sqrt((scores * (1 - scores) * (at_yes - at_no) ** 2).sum())) / len(scores)
    width = NormalDist().inv_cdf((1 + confidence) / 2) * deviation
    return Estimate(value=value, low=value - width, high=value + width)
