"""Metrics of probability forecasts. All functions take labels (0 or 1) and scores (probabilities), each of shape (n,).

They use NumPy alone, so that the nightly monitor imports quickly. Tests compare each metric with scikit-learn.
"""

import numpy as np

from ml.arrays import Floats
from ml.usecase import Cost

_EPSILON = 1e-15


def row_log_loss(labels: Floats, scores: Floats) -> Floats:
    """Return each row's negative log likelihood in nats, shape (n,); scores are clipped to [1e-15, 1 - 1e-15].

    >>> row_log_loss(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.0])).round(4).tolist()
    [0.6931, 0.6931, 34.5388]
    """
    clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
    return -(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped))


def log_loss(labels: Floats, scores: Floats) -> float:
    """Return the mean negative log likelihood in nats.

    >>> round(log_loss(np.array([1.0, 0.0]), np.array([0.75, 0.25])), 4)  # -log(0.75)
    0.2877
    """
    return float(row_log_loss(labels, scores).mean())


def brier(labels: Floats, scores: Floats) -> float:
    """Return the mean squared difference of score and label (Brier 1950).

    >>> brier(np.array([1.0, 0.0]), np.array([0.5, 0.0]))
    0.125
    """
    return float(((scores - labels) ** 2).mean())


def auc(labels: Floats, scores: Floats) -> float | None:
    """Return the area under the ROC curve, where ties count half (Mann-Whitney); None if there is only one class.

    >>> labels = np.array([1.0, 0.0, 1.0, 0.0])
    >>> auc(labels, np.array([0.9, 0.5, 0.5, 0.1]))  # of four pairs, three are ranked correctly and one is tied
    0.875
    >>> auc(np.ones(4), np.array([0.9, 0.5, 0.5, 0.1])) is None
    True
    """
    positives = int((labels == 1).sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: Floats, scores: Floats) -> float | None:
    """Return the average precision: the precision at each threshold, weighted by its gain in recall.

    It is None without positives.

    >>> round(average_precision(np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.8, 0.7])), 4)  # (1 + 2 / 3) / 2
    0.8333
    """
    if not (labels == 1).any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    last = np.append(np.diff(scores[order]) != 0, True)
    precision = (hits / np.arange(1, len(hits) + 1))[last]
    recall = (hits / hits[-1])[last]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def expected_calibration_error(labels: Floats, scores: Floats, bins: int = 15) -> float:
    """Return the mean of |mean score - mean label| over `bins` bins of equal count (Naeini et al. 2015).

    >>> labels, scores = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.1, 0.7, 0.7])
    >>> round(expected_calibration_error(labels, scores, bins=2), 2)  # the mean of 0.1 and 0.3
    0.2
    """
    blocks = np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores)))
    gaps = [abs(scores[block].mean() - labels[block].mean()) * len(block) for block in blocks]
    return float(sum(gaps) / len(scores))


def calibration_gap(labels: Floats, scores: Floats) -> float:
    """Return mean score minus mean label: negative if the model predicts too few positives.

    >>> calibration_gap(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.25, 0.25, 0.25, 0.25]))
    -0.25
    """
    return float(scores.mean() - labels.mean())


def row_cost(labels: Floats, scores: Floats, cost: Cost) -> Floats:
    """Return the cost of each row's decision, shape (n,).

    Above the threshold, it is the cost of acting plus, for a positive, the share of a miss that acting does not avert.
    At or below the threshold, it is the cost of a miss for a positive and 0 for a negative.

    >>> cost = Cost(act=10.0, miss=100.0, averted=0.8)  # acting pays above 10 / (0.8 * 100) = 0.125
    >>> row_cost(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.2, 0.2, 0.1, 0.1]), cost).round(6).tolist()
    [30.0, 10.0, 100.0, 0.0]
    """
    acts = scores > cost.threshold
    return np.where(acts, cost.act + labels * cost.miss * (1 - cost.averted), labels * cost.miss)


def saved_per_1000(labels: Floats, scores: Floats, cost: Cost) -> float:
    """Return the savings per 1000 rows of decisions by `scores`, compared with never acting.

    >>> cost = Cost(act=10.0, miss=100.0, averted=0.8)
    >>> round(saved_per_1000(np.array([1.0, 0.0]), np.array([0.2, 0.2]), cost))  # a mean of (70 - 10) / 2 per row
    30000
    """
    return float((labels * cost.miss - row_cost(labels, scores, cost)).mean() * 1000)
