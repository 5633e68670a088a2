"""What a model must beat to be worth its keep: answers that need no learning."""

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.usecase import Baseline, Prior, RecentMean, RecentRate


def predict(baseline: Baseline, frame: pd.DataFrame, prior: float) -> Floats:
    """Return the baseline's answer to each row of `frame`, shape (n,); `prior` is the constant that was learned."""
    match baseline:
        case Prior():
            return np.full(len(frame), prior)
        case RecentRate(feature=feature):
            rates = frame[feature].to_numpy(np.float64)
            return np.clip(np.where(np.isnan(rates), prior, rates), 0.0, 1.0)
        case RecentMean(feature=feature):
            means = frame[feature].to_numpy(np.float64)
            return np.where(np.isnan(means), prior, means)
