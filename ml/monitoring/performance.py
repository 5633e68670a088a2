"""How the champion did: matured scores only, night by night and over a window of nights."""

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
    """The matured rows of a window of nights, measured together, and their mean loss with its interval by nights.

    `expected` is what the scores of the same rows were expected to lose, None where they do not say.
    """

    measured: Performance
    loss: Interval
    expected_loss: float | None


def measure(matured: pd.DataFrame, target: Target) -> Performance | None:
    """Return the performance on the columns `night`, `score` and `label` of `matured`; None when it is empty."""
    if matured.empty:
        return None
    labels, scores = matured["label"].to_numpy(float), matured["score"].to_numpy(float)
    return target.measure_performance(labels, scores, int(matured["night"].nunique()))


def measure_recent(
    labels: Floats, scores: Floats, nights: Strings, target: Target, confidence: float
) -> RecentPerformance | None:
    """Return what labels, scores and nights, each (n,), of a window of nights come to; None without a row."""
    if not len(labels):
        return None
    expected = target.estimate_performance(scores).get(target.display_names.metric)
    return RecentPerformance(
        measured=target.measure_performance(labels, scores, len(set(nights))),
        loss=intervals.mean_by_night(target.row_loss(labels, scores), nights, confidence, _SEED),
        expected_loss=None if expected is None else expected.value,
    )
