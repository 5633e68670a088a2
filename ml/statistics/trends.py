"""Whether a number that is measured at each training has risen for good: robust, because one slow run is no trend."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_RECENT_RUNS, _MIN_RUNS, _DEVIATIONS, _MIN_RISE = 3, 8, 4.0, 0.2
_MAD_TO_SIGMA = 1.4826  # makes the median absolute deviation that of a normal distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """The median of the last three runs beside that of those before, and from where on it counts as risen."""

    recent: float
    baseline: float
    threshold: float

    @property
    def has_risen(self) -> bool:
        return self.recent > self.threshold


def measure(history: Sequence[float]) -> Trend | None:
    """Return the trend of `history`, the oldest run first; None with fewer than eight runs.

    It has risen when the median of the last three lies above the median of the earlier ones by a fifth of it, and by four of
    their deviations (median absolute, as of a normal distribution): of three runs two must be worse, so one alone is none.
    """
    if len(history) < _MIN_RUNS:
        return None
    earlier, recent = history[:-_RECENT_RUNS], median(history[-_RECENT_RUNS:])
    baseline = median(earlier)
    spread = _MAD_TO_SIGMA * median(abs(each - baseline) for each in earlier)
    return Trend(
        recent=recent, baseline=baseline, threshold=baseline + max(_MIN_RISE * abs(baseline), _DEVIATIONS * spread)
    )
