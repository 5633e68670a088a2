"""Weighted quantiles and linear quantile regression."""

import numpy as np

from ml.arrays import Floats
from ml.scoring.logistic import probability

_MAX_STEPS, _MAX_HALVINGS, _TOLERANCE = 60, 30, 1e-9
_MAX_BANDWIDTH, _MIN_BANDWIDTH = 1.0, 0.05


def weighted_quantile(values: Floats, quantile: float, weights: Floats | None = None) -> float:
    """Return the smallest of `values`, shape (n,) with n >= 1, at which the cumulative weight reaches `quantile`.

    No constant has a smaller pinball loss (Koenker & Bassett 1978).

    >>> weighted_quantile(np.array([30.0, 10.0, 20.0, 40.0]), 0.75)
    30.0
    >>> weighted_quantile(np.array([30.0, 10.0, 20.0, 40.0]), 0.75, weights=np.array([1.0, 1.0, 1.0, 9.0]))
    40.0
    """
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    index = int(np.searchsorted(cumulative, quantile * cumulative[-1] * (1 - _TOLERANCE)))
    return float(values[order[min(index, len(values) - 1)]])


def regress(
    design: Floats, labels: Floats, quantile: float, penalty: float, weights: Floats | None = None
) -> tuple[Floats, float]:
    """Return slopes, shape (columns,), and intercept of a linear quantile regression on `design`, shape (n, columns).

    The pinball loss is smoothed with a logistic kernel (Fernandes, Guerre & Horta 2021). The bandwidth is that of He et
    al. (2023, sec. 4), in standard deviations of the labels. Newton's method minimises the smoothed loss for decreasing
    bandwidths. The intercept is then the exact quantile of the residuals. `penalty` is the ridge penalty: it multiplies
    half the sum of the squared slopes, for standardised labels.

    >>> hours = np.arange(10.0)
    >>> slopes, intercept = regress(hours[:, None], 2 * hours + 1, quantile=0.5, penalty=0.0)
    >>> slopes.round(3).tolist(), round(intercept, 3)
    ([2.0], 1.0)
    """
    center, scale = float(labels.mean()), float(labels.std()) or 1.0
    count, columns = design.shape
    min_bandwidth = max(((columns + np.log(count)) / count) ** 0.4, _MIN_BANDWIDTH)
    matrix, row_weights = np.column_stack([design, np.ones(count)]), _normalized_weights(weights, count)
    penalties = np.append(np.full(columns, penalty), 0.0)
    coefficients = np.zeros(columns + 1)
    for bandwidth in sorted({_MAX_BANDWIDTH, max(min_bandwidth, 0.25), min_bandwidth}, reverse=True):
        coefficients = _minimize_smoothed_loss(
            matrix, (labels - center) / scale, row_weights, quantile, penalties, bandwidth, coefficients
        )
    slopes = coefficients[:-1] * scale
    return slopes, weighted_quantile(labels - design @ slopes, quantile, weights)


def _normalized_weights(weights: Floats | None, count: int) -> Floats:
    return np.full(count, 1 / count) if weights is None else weights / weights.sum()


def _minimize_smoothed_loss(
    matrix: Floats,
    labels: Floats,
    row_weights: Floats,
    quantile: float,
    penalties: Floats,
    bandwidth: float,
    coefficients: Floats,
) -> Floats:
    """Return the minimiser of the smoothed loss, by Newton's method with step halving, starting at `coefficients`."""

    def loss(each: Floats) -> float:
        residuals = labels - matrix @ each
        smooth = quantile * residuals + bandwidth * np.logaddexp(0.0, -residuals / bandwidth)
        return float(row_weights @ smooth + 0.5 * penalties @ each**2)

    current_loss = loss(coefficients)
    for _ in range(_MAX_STEPS):
        below = probability(-(labels - matrix @ coefficients) / bandwidth)
        gradient = matrix.T @ (row_weights * (below - quantile)) + penalties * coefficients
        hessian = (matrix * (row_weights * below * (1 - below) / bandwidth)[:, None]).T @ matrix
        step = np.linalg.solve(hessian + np.diag(penalties + 1e-9), gradient)
        for _ in range(_MAX_HALVINGS):
            if loss(coefficients - step) < current_loss:
                break
            step = step / 2
        previous_loss, coefficients = current_loss, coefficients - step
        current_loss = loss(coefficients)
        if previous_loss - current_loss <= _TOLERANCE * max(abs(current_loss), _TOLERANCE):
            break
    return coefficients
