"""Fitting a calibration of raw scores, on rows that the model was not trained on.

The rows of one night are not independent, so that a good fit on held-out rows may be the luck of one week. A
calibration is therefore adopted only if it lowers the loss of the latest held-out nights significantly.
"""

from collections.abc import Callable

import numpy as np

from ml.arrays import Booleans, Floats, Strings
from ml.scoring.calibration import Calibration, Correction
from ml.scoring.logistic import probability

_MAX_ITERATIONS, _MAX_STEP = 100, 1.0
_Z_SCORE = 1.64


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
