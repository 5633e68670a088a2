"""What a probability forecast is worth. Every function takes labels (0 or 1) and scores (probabilities), shape (n,).

NumPy only, because the nightly monitor must not pay for importing more; tests hold each against scikit-learn.
"""

import numpy as np

from ml.arrays import Floats
from ml.usecase import Cost

_EPSILON = 1e-15


def row_log_loss(labels: Floats, scores: Floats) -> Floats:
    """Return each row's negative log likelihood in nats, shape (n,); scores are kept 1e-15 off 0 and 1."""
    clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
    return -(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped))


def log_loss(labels: Floats, scores: Floats) -> float:
    """Return the mean negative log likelihood in nats."""
    return float(row_log_loss(labels, scores).mean())


def brier(labels: Floats, scores: Floats) -> float:
    """Return the mean squared difference of score and label (Brier, 1950)."""
    return float(((scores - labels) ** 2).mean())


def auc(labels: Floats, scores: Floats) -> float | None:
    """Return the probability that a positive outscores a negative, ties half (Mann-Whitney); None with one class."""
    positives = int((labels == 1).sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: Floats, scores: Floats) -> float | None:
    """Return the area under the precision-recall steps; None without a positive."""
    if not (labels == 1).any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    last = np.append(np.diff(scores[order]) != 0, True)
    precision = (hits / np.arange(1, len(hits) + 1))[last]
    recall = (hits / hits[-1])[last]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def expected_calibration_error(labels: Floats, scores: Floats, bins: int = 15) -> float:
    """Return |mean score - mean label| averaged over `bins` bins of equal count (Naeini et al., 2015)."""
    blocks = np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores)))
    gaps = [abs(scores[block].mean() - labels[block].mean()) * len(block) for block in blocks]
    return float(sum(gaps) / len(scores))


def calibration_gap(labels: Floats, scores: Floats) -> float:
    """Return mean score minus mean label: negative when the model expects too little."""
    return float(scores.mean() - labels.mean())


def row_cost(labels: Floats, scores: Floats, cost: Cost) -> Floats:
    """Return what each row's decision costs, shape (n,): act above the threshold, else bear the miss if it comes."""
    acts = scores > cost.threshold
    return np.where(acts, cost.act + labels * cost.miss * (1 - cost.averted), labels * cost.miss)


def saved_per_1000(labels: Floats, scores: Floats, cost: Cost) -> float:
    """Return what deciding by `scores` saves per 1000 rows against never acting."""
    return float((labels * cost.miss - row_cost(labels, scores, cost)).mean() * 1000)
