"""Calibration of raw scores, fitted on rows that the model was not trained on.

The rows of one night are not independent, so that a good fit on held-out rows may be the luck of one week. A
calibration is therefore adopted only if it lowers the loss of the latest held-out nights significantly.
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
    """Platt scaling (Platt 1999): p = 1 / (1 + exp(-(slope x log-odds + offset))). The default is the identity."""

    slope: float = 1.0
    offset: float = 0.0

    def compensate(self, excess: float) -> "Calibration":
        """Return the calibration for log-odds that are too high by `excess`.

        >>> Calibration(slope=0.5, offset=1.0).compensate(4.0)  # 0.5 * (log-odds - 4) + 1
        Calibration(slope=0.5, offset=-1.0)
        """
        return Calibration(slope=self.slope, offset=self.offset - self.slope * excess)

    def apply(self, log_odds: FloatOrArray) -> FloatOrArray:
        """Return the probabilities of `log_odds`, which has the shape (n,) or is a scalar.

        >>> Calibration(slope=2.0).apply(np.array([0.0, np.log(3)])).round(4).tolist()  # 9 / (1 + 9)
        [0.5, 0.9]
        """
        return probability(self.slope * log_odds + self.offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """prediction = slope x raw + offset, clipped to the range of the training labels, `low` to `high`."""

    slope: float = 1.0
    offset: float = 0.0
    low: float
    high: float

    def compensate(self, excess: float) -> "Scaling":
        """Return the calibration for raw predictions that are too high by `excess`."""
        return Scaling(slope=self.slope, offset=self.offset - self.slope * excess, low=self.low, high=self.high)

    def apply(self, raw: FloatOrArray) -> FloatOrArray:
        """Return the predictions for `raw`, which has the shape (n,) or is a scalar.

        >>> Scaling(slope=2.0, offset=1.0, low=0.0, high=30.0).apply(np.array([-5.0, 10.0, 20.0])).tolist()
        [0.0, 21.0, 30.0]
        """
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
    """Return the calibration that `fit` finds on all rows if it improves the latest rows, else `identity`.

    It improves them if a calibration fitted on the other rows lowers their loss: the mean over nights of the loss
    reduction must exceed 1.64 standard errors (one-sided 95 %).
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
    """Return `correction` as JSON values; `load` reads them."""
    return asdict(correction)


def load(state: Mapping[str, float]) -> Correction:
    """Return the calibration that `dump` wrote."""
    return Scaling(**state) if "low" in state else Calibration(**state)


def fit(log_odds: Floats, labels: Floats) -> Calibration:
    """Return the maximum likelihood fit with Platt's smoothed targets, by Newton's method with bounded steps.

    >>> log_odds, labels = np.repeat([-2.0, 2.0], 1000), np.tile(np.repeat([0.0, 1.0], [250, 750]), 2)
    >>> labels[:1000] = 1 - labels[:1000]  # 25 % positives at -2, 75 % at 2: the log-odds are -log(3) and log(3)
    >>> fitted = fit(log_odds, labels)
    >>> round(fitted.slope, 2), round(float(np.log(3)) / 2, 2)
    (0.55, 0.55)
    """
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
