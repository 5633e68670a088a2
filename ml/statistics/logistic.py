"""The logistic function, bounded so that no probability is exactly 0 or 1."""

from typing import TypeVar

import numpy as np

from ml.arrays import Floats

FloatOrArray = TypeVar("FloatOrArray", Floats, np.float64)
MAX_LOG_ODDS = 30.0


def probability(log_odds: FloatOrArray) -> FloatOrArray:
    """Return the probability of each log-odds; those beyond 30 count as 30, so that none is 0 or 1."""
    probabilities: FloatOrArray = 1 / (1 + np.exp(-np.minimum(np.maximum(log_odds, -MAX_LOG_ODDS), MAX_LOG_ODDS)))
    return probabilities
