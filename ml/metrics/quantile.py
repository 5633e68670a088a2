"""What a forecast of a number is worth. Every function takes labels and answers, shape (n,), in the label's own unit."""

import numpy as np

from ml.arrays import Floats
from ml.usecase import Deviation


def row_pinball(labels: Floats, answers: Floats, quantile: float) -> Floats:
    """Return each row's pinball loss, shape (n,): `quantile` a unit above the answer, 1 - `quantile` below it."""
    above = labels - answers
    return np.maximum(quantile * above, (quantile - 1) * above)


def pinball(labels: Floats, answers: Floats, quantile: float) -> float:
    """Return the mean pinball loss (Koenker & Bassett 1978); at quantile .5 it is half the mean absolute error."""
    return float(row_pinball(labels, answers, quantile).mean())


def absolute(labels: Floats, answers: Floats) -> float:
    """Return the mean absolute error."""
    return float(np.abs(answers - labels).mean())


def root_mean_square(labels: Floats, answers: Floats) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(((answers - labels) ** 2).mean()))


def bias(labels: Floats, answers: Floats) -> float:
    """Return mean answer minus mean label; of skewed labels a perfect median has one, too."""
    return float(answers.mean() - labels.mean())


def row_coverage(labels: Floats, answers: Floats) -> Floats:
    """Return 1 where the label lies below the answer, 1/2 where it is the answer, else 0, shape (n,)."""
    return np.where(labels < answers, 1.0, np.where(labels == answers, 0.5, 0.0))


def calibration_gap(labels: Floats, answers: Floats, quantile: float) -> float:
    """Return how far the share of labels below the answer lies above `quantile`; negative when too little is expected.

    Labels that are the answer may count on either side, so that many of them are no gap.
    """
    below, same = float((labels < answers).mean()), float((labels == answers).mean())
    return max(below - quantile, 0.0) + min(below + same - quantile, 0.0)


def row_cost(labels: Floats, answers: Floats, cost: Deviation) -> Floats:
    """Return what each row's deviation costs, shape (n,): the pinball loss, times the sum of both prices."""
    return (cost.under + cost.over) * row_pinball(labels, answers, cost.quantile)


def saved(labels: Floats, answers: Floats, cost: Deviation, prior: float) -> float:
    """Return what `answers` save per 1000 rows against always answering `prior`."""
    always = np.full(len(labels), prior)
    return float((row_cost(labels, always, cost) - row_cost(labels, answers, cost)).mean() * 1000)
