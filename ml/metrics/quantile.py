"""What a forecast of a number is worth. Every function takes labels and answers, shape (n,), in the label's own unit."""

import numpy as np

from ml.arrays import Floats
from ml.usecase import PinballCost


def row_pinball(labels: Floats, predictions: Floats, quantile: float) -> Floats:
    """Return each row's pinball loss, shape (n,): `quantile` a unit above the answer, 1 - `quantile` below it."""
    residuals = labels - predictions
    return np.maximum(quantile * residuals, (quantile - 1) * residuals)


def pinball(labels: Floats, predictions: Floats, quantile: float) -> float:
    """Return the mean pinball loss (Koenker & Bassett 1978); at quantile .5 it is half the mean absolute error."""
    return float(row_pinball(labels, predictions, quantile).mean())


def mean_absolute_error(labels: Floats, predictions: Floats) -> float:
    """Return the mean absolute error."""
    return float(np.abs(predictions - labels).mean())


def root_mean_square_error(labels: Floats, predictions: Floats) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(((predictions - labels) ** 2).mean()))


def bias(labels: Floats, predictions: Floats) -> float:
    """Return mean answer minus mean label; of skewed labels a perfect median has one, too."""
    return float(predictions.mean() - labels.mean())


def row_coverage(labels: Floats, predictions: Floats) -> Floats:
    """Return 1 where the label lies below the answer, 1/2 where it is the answer, else 0, shape (n,)."""
    return np.where(labels < predictions, 1.0, np.where(labels == predictions, 0.5, 0.0))


def calibration_gap(labels: Floats, predictions: Floats, quantile: float) -> float:
    """Return how far the share of labels below the answer lies above `quantile`; negative when too little is expected.

    Labels that are the answer may count on either side, so that many of them are no gap.
    """
    below, equal = float((labels < predictions).mean()), float((labels == predictions).mean())
    return max(below - quantile, 0.0) + min(below + equal - quantile, 0.0)


def row_cost(labels: Floats, predictions: Floats, cost: PinballCost) -> Floats:
    """Return what each row's deviation costs, shape (n,): the pinball loss, times the sum of both prices."""
    return (cost.under + cost.over) * row_pinball(labels, predictions, cost.quantile)


def saved_per_1000(labels: Floats, predictions: Floats, cost: PinballCost, prior: float) -> float:
    """Return what `answers` save per 1000 rows against always answering `prior`."""
    constant = np.full(len(labels), prior)
    return float((row_cost(labels, constant, cost) - row_cost(labels, predictions, cost)).mean() * 1000)
