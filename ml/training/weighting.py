"""Row weights for training, and the bias in log-odds that they cause."""

import math

import numpy as np

from ml.arrays import Floats, Strings
from ml.usecase import Candidate, LinearQuantile, Recency


def row_weights(candidate: Candidate, recency: Recency | None, labels: Floats, nights: Strings) -> Floats | None:
    """Return row weights of shape (n,) with mean 1, or None when all rows have equal weight.

    `labels` and `nights` (ISO dates) have shape (n,). A positive row weighs `candidate.positive_weight` times as much
    as a negative one. With `recency`, the weight halves every `half_life_nights` nights.

    >>> from ml.usecase import Logistic
    >>> labels, nights = np.array([1.0, 0.0]), np.array(["2013-01-01", "2013-01-02"], object)
    >>> row_weights(Logistic(positive_weight=3.0), None, labels, nights).tolist()
    [1.5, 0.5]
    >>> row_weights(Logistic(), Recency(half_life_nights=1), labels, nights).round(4).tolist()
    [0.6667, 1.3333]
    >>> row_weights(Logistic(), None, labels, nights) is None
    True
    """
    positive_weight = _positive_weight(candidate)
    if recency is None and positive_weight == 1.0:
        return None
    weights = np.where(labels == 1, positive_weight, 1.0)
    if recency is not None:
        distinct, night_index = np.unique(nights, return_inverse=True)
        weights = weights * 0.5 ** ((len(distinct) - 1 - night_index) / recency.half_life_nights)
    normalized: Floats = weights / weights.mean()
    return normalized


def log_odds_bias(candidate: Candidate) -> float:
    """Return by how much the weight of positive rows raises the log-odds (King & Zeng 2001, eq. 7).

    >>> from ml.usecase import Logistic
    >>> round(log_odds_bias(Logistic(positive_weight=4.0)), 4)  # ln 4
    1.3863
    """
    return math.log(_positive_weight(candidate))


def _positive_weight(candidate: Candidate) -> float:
    return 1.0 if isinstance(candidate, LinearQuantile) else candidate.positive_weight
