"""A robust trend test for numbers that are measured at each training, such as its duration."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_RECENT_RUNS, _MIN_RUNS, _DEVIATIONS, _MIN_RISE = 3, 8, 4.0, 0.2
_MAD_TO_SIGMA = 1.4826  # scales a median absolute deviation to the standard deviation of a normal distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """The median of the last three runs, the median of the earlier runs, and the threshold for a rise."""

    recent: float
    baseline: float
    threshold: float

    @property
    def has_risen(self) -> bool:
        return self.recent > self.threshold


def measure(history: Sequence[float]) -> Trend | None:
    """Return the trend of `history`, oldest run first; None with fewer than eight runs.

    The number has risen if the median of the last three runs exceeds the median of the earlier ones by more than 20 %
    and by more than four robust standard deviations (scaled median absolute deviation). Two of the three runs must be
    higher: a single slow run is no trend.

    >>> trend = measure([10, 10, 10, 10, 10, 10, 10, 13, 13, 13])
    >>> trend.recent, trend.baseline, trend.threshold, trend.has_risen
    (13, 10, 12.0, True)
    >>> measure([10, 10, 10, 10, 10, 10, 10, 10, 10, 60]).has_risen
    False
    """
    if len(history) < _MIN_RUNS:
        return None
    earlier, recent = history[:-_RECENT_RUNS], median(history[-_RECENT_RUNS:])
    baseline = median(earlier)
    spread = _MAD_TO_SIGMA * median(abs(each - baseline) for each in earlier)
    return Trend(
        recent=recent, baseline=baseline, threshold=baseline + max(_MIN_RISE * abs(baseline), _DEVIATIONS * spread)
    )
