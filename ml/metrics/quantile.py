"""Metrics of quantile forecasts. All functions take labels and predictions, each of shape (n,), in the label's unit."""

import numpy as np

from ml.arrays import Floats
from ml.usecase import PinballCost


def row_pinball(labels: Floats, predictions: Floats, quantile: float) -> Floats:
    """Return each row's pinball loss, shape (n,).

    A unit by which the label exceeds the prediction costs `quantile`; a unit by which it falls short costs 1 -
    `quantile`.

    >>> row_pinball(np.array([12.0, 8.0]), np.array([10.0, 10.0]), quantile=0.75).tolist()
    [1.5, 0.5]
    """
    residuals = labels - predictions
    return np.maximum(quantile * residuals, (quantile - 1) * residuals)


def pinball(labels: Floats, predictions: Floats, quantile: float) -> float:
    """Return the mean pinball loss (Koenker & Bassett 1978); for the median it is half the mean absolute error.

    >>> labels, predictions = np.array([12.0, 8.0]), np.array([10.0, 10.0])
    >>> pinball(labels, predictions, quantile=0.75), pinball(labels, predictions, quantile=0.5)
    (1.0, 1.0)
    """
    return float(row_pinball(labels, predictions, quantile).mean())


def mean_absolute_error(labels: Floats, predictions: Floats) -> float:
    """Return the mean absolute error.

    >>> mean_absolute_error(np.array([12.0, 6.0]), np.array([10.0, 10.0]))
    3.0
    """
    return float(np.abs(predictions - labels).mean())


def root_mean_square_error(labels: Floats, predictions: Floats) -> float:
    """Return the root mean square error.

    >>> round(root_mean_square_error(np.array([12.0, 6.0]), np.array([10.0, 10.0])), 4)  # sqrt((4 + 16) / 2)
    3.1623
    """
    return float(np.sqrt(((predictions - labels) ** 2).mean()))


def bias(labels: Floats, predictions: Floats) -> float:
    """Return mean prediction minus mean label; with skewed labels, even a perfect median is biased.

    >>> bias(np.array([0.0, 0.0, 30.0]), np.array([0.0, 0.0, 0.0]))
    -10.0
    """
    return float(predictions.mean() - labels.mean())


def row_coverage(labels: Floats, predictions: Floats) -> Floats:
    """Return 1 where the label is below the prediction, 1/2 where they are equal, else 0, shape (n,).

    >>> row_coverage(np.array([8.0, 10.0, 12.0]), np.array([10.0, 10.0, 10.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.where(labels < predictions, 1.0, np.where(labels == predictions, 0.5, 0.0))


def calibration_gap(labels: Floats, predictions: Floats, quantile: float) -> float:
    """Return the share of labels below the prediction minus `quantile`: negative if predictions are too low.

    Labels that equal the prediction may count on either side, so that ties alone cause no gap.

    >>> calibration_gap(np.array([5.0, 8.0, 11.0, 20.0]), np.full(4, 10.0), quantile=0.75)
    -0.25
    >>> calibration_gap(np.array([5.0, 10.0, 10.0, 20.0]), np.full(4, 10.0), quantile=0.75)
    0.0
    """
    below, equal = float((labels < predictions).mean()), float((labels == predictions).mean())
    return max(below - quantile, 0.0) + min(below + equal - quantile, 0.0)


def row_cost(labels: Floats, predictions: Floats, cost: PinballCost) -> Floats:
    """Return the cost of each row's error, shape (n,): the pinball loss times the sum of both unit costs.

    >>> cost = PinballCost(under=3.0, over=1.0)  # the best prediction is the 0.75 quantile
    >>> row_cost(np.array([12.0, 8.0]), np.array([10.0, 10.0]), cost).tolist()
    [6.0, 2.0]
    """
    return (cost.under + cost.over) * row_pinball(labels, predictions, cost.quantile)


def saved_per_1000(labels: Floats, predictions: Floats, cost: PinballCost, prior: float) -> float:
    """Return the savings per 1000 rows of `predictions`, compared with always predicting `prior`.

    >>> cost = PinballCost(under=3.0, over=1.0)
    >>> saved_per_1000(np.array([12.0, 8.0]), np.array([12.0, 9.0]), cost, prior=10.0)  # costs 8 and 1 on the two rows
    3500.0
    """
    constant = np.full(len(labels), prior)
    return float((row_cost(labels, constant, cost) - row_cost(labels, predictions, cost)).mean() * 1000)
