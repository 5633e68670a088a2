"""The logistic function, bounded so that no probability is exactly 0 or 1."""

from typing import TypeVar

import numpy as np

from ml.arrays import Floats

FloatOrArray = TypeVar("FloatOrArray", Floats, np.float64)
MAX_LOG_ODDS = 30.0


def probability(log_odds: FloatOrArray) -> FloatOrArray:
    """Return the probability of each log-odds, which are clipped to [-30, 30] so that no probability is 0 or 1.

    >>> probability(np.array([0.0, np.log(3), -np.log(3)])).round(2).tolist()
    [0.5, 0.75, 0.25]
    >>> bool(probability(np.float64(1000.0)) < 1)
    True
    """
    probabilities: FloatOrArray = 1 / (1 + np.exp(-np.minimum(np.maximum(log_odds, -MAX_LOG_ODDS), MAX_LOG_ODDS)))
    return probabilities
