"""How the champion did: matured scores only, night by night and over a window of nights."""

import pandas as pd

from ml.targets import Performance as Performance
from ml.targets import Target


def measure(matured: pd.DataFrame, target: Target) -> Performance | None:
    """Return the performance on the columns `night`, `score` and `label` of `matured`; None when it is empty."""
    if matured.empty:
        return None
    labels, scores = matured["label"].to_numpy(float), matured["score"].to_numpy(float)
    return target.perform(labels, scores, int(matured["night"].nunique()))
