"""The champion's performance on matured rows (those with a label): by night, and over a window of nights."""

from dataclasses import dataclass

import pandas as pd

from ml.arrays import Floats, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Performance as Performance
from ml.targets import Target

_SEED = 20130207


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentPerformance:
    """The performance on the matured rows of a window of nights, and their mean loss with its interval over nights.

    `expected_loss` is the loss that the scores of the same rows imply if they are calibrated; None if scores of this
    target do not imply one.
    """

    measured: Performance
    loss: Interval
    expected_loss: float | None


def out_of_sample(matured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `matured` that are known to be out of sample (column `out_of_sample`; null is unknown).

    >>> out_of_sample(pd.DataFrame({"score": [0.1, 0.2, 0.3], "out_of_sample": [True, False, None]}))["score"].tolist()
    [0.1]
    """
    return matured[matured["out_of_sample"].astype("boolean").fillna(value=False).astype(bool)]


def measure(matured: pd.DataFrame, target: Target) -> Performance | None:
    """Return the performance on the rows of `matured` (columns `night`, `score`, `label`); None when it is empty."""
    if matured.empty:
        return None
    labels, scores = matured["label"].to_numpy(float), matured["score"].to_numpy(float)
    return target.measure_performance(labels, scores, int(matured["night"].nunique()))


def measure_recent(
    labels: Floats, scores: Floats, nights: Strings, target: Target, confidence: float
) -> RecentPerformance | None:
    """Return the performance of scores on labels in a window of nights, each of shape (n,); None without rows.

    `confidence` is that of the interval of the mean loss.
    """
    if not len(labels):
        return None
    expected = target.estimate_performance(scores).get(target.display_names.metric)
    return RecentPerformance(
        measured=target.measure_performance(labels, scores, len(set(nights))),
        loss=intervals.mean_by_night(target.row_loss(labels, scores), nights, confidence, _SEED),
        expected_loss=None if expected is None else expected.value,
    )
