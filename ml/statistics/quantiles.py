"""Quantiles: of numbers that weigh differently, and as a linear form of a design."""

import numpy as np

from ml.arrays import Floats
from ml.statistics.logistic import probability

_STEPS, _HALVINGS, _CLOSE = 60, 30, 1e-9
_SMOOTHEST, _LEAST_SMOOTH = 1.0, 0.05


def of(values: Floats, quantile: float, weights: Floats | None = None) -> float:
    """Return the least of `values` (n,) that a share `quantile` of their weight does not exceed; n >= 1.

    No constant has a smaller pinball loss (Koenker & Bassett 1978).
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    place = int(np.searchsorted(reached, quantile * reached[-1] * (1 - _CLOSE)))
    return float(values[order[min(place, len(values) - 1)]])


def regress(
    design: Floats, labels: Floats, quantile: float, penalty: float, weights: Floats | None = None
) -> tuple[Floats, float]:
    """Return slopes (columns,) and intercept of the linear form of `design` (n, columns) that is the `quantile` of labels.

    The pinball loss is smoothed by a logistic kernel (Fernandes, Guerre & Horta 2021), with the bandwidth of He et al.
    (2023, sec. 4) in standard deviations of the labels, and comes to its least by Newton's method, from smooth to sharp.
    The intercept is then the exact quantile of what is left. `penalty` weighs half the squares of the slopes, labels
    standardised.
    """
    middle, scale = float(labels.mean()), float(labels.std()) or 1.0
    count, columns = design.shape
    sharpest = max(((columns + np.log(count)) / count) ** 0.4, _LEAST_SMOOTH)
    matrix, share = np.column_stack([design, np.ones(count)]), _shares(weights, count)
    penalties = np.append(np.full(columns, penalty), 0.0)
    found = np.zeros(columns + 1)
    for width in sorted({_SMOOTHEST, max(sharpest, 0.25), sharpest}, reverse=True):
        found = _descended(matrix, (labels - middle) / scale, share, quantile, penalties, width, found)
    slopes = found[:-1] * scale
    return slopes, of(labels - design @ slopes, quantile, weights)


def _shares(weights: Floats | None, count: int) -> Floats:
    return np.full(count, 1 / count) if weights is None else weights / weights.sum()


def _descended(
    matrix: Floats, labels: Floats, share: Floats, quantile: float, penalties: Floats, width: float, found: Floats
) -> Floats:
    """Return the coefficients of least smoothed loss, begun at those `found` before; steps are halved until it falls."""

    def loss(each: Floats) -> float:
        left = labels - matrix @ each
        smooth = quantile * left + width * np.logaddexp(0.0, -left / width)
        return float(share @ smooth + 0.5 * penalties @ each**2)

    now = loss(found)
    for _ in range(_STEPS):
        below = probability(-(labels - matrix @ found) / width)
        gradient = matrix.T @ (share * (below - quantile)) + penalties * found
        bend = (matrix * (share * below * (1 - below) / width)[:, None]).T @ matrix
        step = np.linalg.solve(bend + np.diag(penalties + 1e-9), gradient)
        for _ in range(_HALVINGS):
            if loss(found - step) < now:
                break
            step = step / 2
        before, found = now, found - step
        now = loss(found)
        if before - now <= _CLOSE * max(abs(now), _CLOSE):
            break
    return found
