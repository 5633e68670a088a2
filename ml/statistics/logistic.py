"""The logistic function, bounded so that no probability is exactly 0 or 1."""

from typing import TypeVar

import numpy as np

from ml.arrays import Floats

Answers = TypeVar("Answers", Floats, np.float64)
LARGEST = 30.0


def probability(log_odds: Answers) -> Answers:
    """Return the probability of each log-odds; those beyond 30 count as 30, so that none is 0 or 1."""
    probabilities: Answers = 1 / (1 + np.exp(-np.minimum(np.maximum(log_odds, -LARGEST), LARGEST)))
    return probabilities
