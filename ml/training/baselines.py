"""Baselines that a model must beat: predictions that need no fitting."""

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.usecase import Baseline, Prior, RecentMean, RecentRate


def predict(baseline: Baseline, frame: pd.DataFrame, prior: float) -> Floats:
    """Return the baseline's prediction for each row of `frame`, shape (n,).

    `prior` is the best constant on the training rows. It replaces a missing rate or mean.

    >>> frame = pd.DataFrame({"rate": [0.25, None, 1.5]})
    >>> predict(RecentRate(feature="rate"), frame, prior=0.4).tolist()
    [0.25, 0.4, 1.0]
    """
    match baseline:
        case Prior():
            return np.full(len(frame), prior)
        case RecentRate(feature=feature):
            rates = frame[feature].to_numpy(np.float64)
            return np.clip(np.where(np.isnan(rates), prior, rates), 0.0, 1.0)
        case RecentMean(feature=feature):
            means = frame[feature].to_numpy(np.float64)
            return np.where(np.isnan(means), prior, means)
