"""Making answers mean what they say: a correction learned on raw answers to rows that the model has not learned from.

Rows of one night are not independent, so a correction that fits held-out rows may still be one week's luck. It must
earn its place: it is adopted only when it lowers the loss of the latest held-out nights with confidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Strings
from ml.statistics.logistic import FloatOrArray, probability

_MAX_ITERATIONS, _MAX_STEP = 100, 1.0
_Z_SCORE = 1.64


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """p = 1 / (1 + exp(-(slope x log-odds + offset))) (Platt, 1999); slope 1 and offset 0 change nothing."""

    slope: float = 1.0
    offset: float = 0.0

    def compensate(self, excess: float) -> "Calibration":
        """Return the correction of log-odds that come `excess` too high."""
        return Calibration(slope=self.slope, offset=self.offset - self.slope * excess)

    def apply(self, log_odds: FloatOrArray) -> FloatOrArray:
        """Return probabilities, shape (n,), or that of one answer alone."""
        return probability(self.slope * log_odds + self.offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """answer = slope x raw + offset, kept within the least and the greatest label that was learned from."""

    slope: float = 1.0
    offset: float = 0.0
    low: float
    high: float

    def compensate(self, excess: float) -> "Scaling":
        """Return the correction of raw answers that come `excess` too high."""
        return Scaling(slope=self.slope, offset=self.offset - self.slope * excess, low=self.low, high=self.high)

    def apply(self, raw: FloatOrArray) -> FloatOrArray:
        """Return answers, shape (n,), or one alone."""
        predictions: FloatOrArray = np.minimum(np.maximum(self.slope * raw + self.offset, self.low), self.high)
        return predictions


Correction = Calibration | Scaling


def fit_if_better(
    raw: Floats,
    labels: Floats,
    nights: Strings,
    is_latest: Booleans,
    *,
    identity: Correction,
    fit: Callable[[Floats, Floats], Correction],
    row_loss: Callable[[Floats, Floats], Floats],
) -> Correction:
    """Return the correction that `fit` finds if the one of the earlier rows improves the `latest` ones, else `plain`.

    "Improves" is a night-paired mean difference of loss above 1.64 standard errors (one-sided 95 %).
    """
    candidate = fit(raw[~is_latest], labels[~is_latest])
    identity_loss, candidate_loss = (
        row_loss(labels[is_latest], each.apply(raw[is_latest])) for each in (identity, candidate)
    )
    loss_reduction = identity_loss - candidate_loss
    by_night = np.array([loss_reduction[nights[is_latest] == night].mean() for night in np.unique(nights[is_latest])])
    if len(by_night) < 2 or by_night.mean() <= _Z_SCORE * by_night.std(ddof=1) / np.sqrt(len(by_night)):
        return identity
    return fit(raw, labels)


def dump(correction: Correction) -> dict[str, float]:
    """Return what `load` reads back, as JSON values."""
    return asdict(correction)


def load(state: Mapping[str, float]) -> Correction:
    """Return the correction that `dump` wrote."""
    return Scaling(**state) if "low" in state else Calibration(**state)


def fit(log_odds: Floats, labels: Floats) -> Calibration:
    """Return the correction with the highest likelihood: Newton's method, steps bounded, Platt's smoothed targets."""
    positives = labels.sum()
    negatives = len(labels) - positives
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([log_odds, np.ones_like(log_odds)])
    weights = np.array([1.0, 0.0])
    for _ in range(_MAX_ITERATIONS):
        expected = probability(design @ weights)
        gradient = design.T @ (expected - targets)
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step / max(1.0, float(np.abs(step).max()) / _MAX_STEP)
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(slope=float(weights[0]), offset=float(weights[1]))
