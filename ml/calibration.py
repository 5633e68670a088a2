"""Making probabilities mean what they say: Platt scaling on log-odds that the model has not learned from.

Rows of one night are not independent, so a correction that fits held-out rows may still be one week's luck. It must
earn its place: it is adopted only when it lowers the log loss of the latest held-out nights with confidence.
"""

from dataclasses import dataclass

import numpy as np

from ml import metrics
from ml.arrays import Booleans, Floats, Strings

_STEPS, _LONGEST_STEP = 100, 1.0
_LARGEST = 30.0
_DEVIATIONS = 1.64


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """p = 1 / (1 + exp(-(slope x log-odds + offset))) (Platt, 1999); slope 1 and offset 0 change nothing."""

    slope: float = 1.0
    offset: float = 0.0

    def after(self, excess: float) -> "Calibration":
        """Return the correction of log-odds that come `excess` too high."""
        return Calibration(slope=self.slope, offset=self.offset - self.slope * excess)

    def apply(self, log_odds: Floats) -> Floats:
        """Return probabilities, shape (n,)."""
        return probability(self.slope * log_odds + self.offset)


def choose(log_odds: Floats, labels: Floats, nights: Strings, latest: Booleans) -> Calibration:
    """Return Platt's correction if one fitted on the earlier rows improves the `latest` ones, else none.

    "Improves" is a night-paired mean difference of log loss above 1.64 standard errors (one-sided 95 %).
    """
    trial = fit(log_odds[~latest], labels[~latest])
    plain, corrected = (each.apply(log_odds[latest]) for each in (Calibration(), trial))
    gained = metrics.row_log_loss(labels[latest], plain) - metrics.row_log_loss(labels[latest], corrected)
    by_night = np.array([gained[nights[latest] == night].mean() for night in np.unique(nights[latest])])
    if len(by_night) < 2 or by_night.mean() <= _DEVIATIONS * by_night.std(ddof=1) / np.sqrt(len(by_night)):
        return Calibration()
    return fit(log_odds, labels)


def fit(log_odds: Floats, labels: Floats) -> Calibration:
    """Return the correction with the highest likelihood: Newton's method, steps bounded, Platt's smoothed targets."""
    positives = labels.sum()
    negatives = len(labels) - positives
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([log_odds, np.ones_like(log_odds)])
    weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        expected = probability(design @ weights)
        gradient = design.T @ (expected - targets)
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step / max(1.0, float(np.abs(step).max()) / _LONGEST_STEP)
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(slope=float(weights[0]), offset=float(weights[1]))


def probability(log_odds: Floats) -> Floats:
    """Return the probability of each log-odds; those beyond 30 count as 30, so that none is 0 or 1."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -_LARGEST, _LARGEST)))
