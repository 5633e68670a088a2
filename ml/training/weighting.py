"""How much each row counts in learning, and what that does to probabilities."""

import math

import numpy as np

from ml.arrays import Floats, Strings
from ml.usecase import Candidate, LinearQuantile, Recency


def row_weights(candidate: Candidate, recency: Recency | None, labels: Floats, nights: Strings) -> Floats | None:
    """Return each row's weight, shape (n,), of mean 1; None where all count alike. `nights` is ISO dates, shape (n,)."""
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
    """Return by how much log-odds come out too high because rows with the label yes weigh more (King & Zeng 2001, eq. 7)."""
    return math.log(_positive_weight(candidate))


def _positive_weight(candidate: Candidate) -> float:
    return 1.0 if isinstance(candidate, LinearQuantile) else candidate.positive_weight
