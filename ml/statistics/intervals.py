"""Rows with their answers, the slices of them, and numbers with intervals that treat nights as the sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ml.arrays import Booleans, Floats, Strings
from ml.usecase import Slice

if TYPE_CHECKING:
    import pandas as pd

_RESAMPLES, _MIN_DEFINED_SHARE = 4000, 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredRows:
    """Rows that the model which answered them had not learned from: features, labels, scores and nights, each n."""

    frame: "pd.DataFrame"
    labels: Floats
    scores: Floats
    nights: Strings

    def select(self, mask: Booleans) -> "ScoredRows":
        """Return the rows under `mask`."""
        return ScoredRows(
            frame=self.frame[mask], labels=self.labels[mask], scores=self.scores[mask], nights=self.nights[mask]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def from_stored(value: float | None, low: float | None, high: float | None) -> Interval:
    """Return an interval that was stored as JSON, with None for what was not finite: no value, or no bound on that side.

    >>> from_stored(0.5, None, None)
    Interval(value=0.5, low=-inf, high=inf)
    """
    return Interval(
        value=np.nan if value is None else value,
        low=-np.inf if low is None else low,
        high=np.inf if high is None else high,
    )


def slice_masks(declared: tuple[Slice, ...], levels: Mapping[str, Strings]) -> dict[str, np.ndarray]:
    """Return a mask over the rows for every level, of every declared slice, that has rows enough.

    `levels` holds the text of each slice's feature, shape (n,).
    """
    import pandas as pd

    masks = {}
    for each in declared:
        level_index, distinct_levels = pd.factorize(levels[each.feature], sort=True)
        for index, level in enumerate(distinct_levels):
            mask = level_index == index
            if mask.sum() >= each.min_rows:
                masks[f"{each.feature}={level}"] = mask
    return masks


def mean_by_night(values: Floats, nights: Strings, confidence: float, seed: int) -> Interval:
    """Return the mean of `values` (n,) with an interval that takes nights as the sample; unbounded with one night.

    Whole nights are drawn with replacement (Efron & Tibshirani 1993, ch. 6); their standard error is widened by
    sqrt(k / (k - 1)) for k nights and multiplied by Student's quantile for k - 1 degrees of freedom.
    """
    interval = ratio_by_night(values, np.ones(len(values)), nights, confidence, seed)
    if interval is not None:
        return interval
    mean = float(values.mean())
    bound = np.inf if np.isfinite(mean) else np.nan
    return Interval(value=mean, low=-bound, high=bound)


def ratio_by_night(
    numerators: Floats, denominators: Floats, nights: Strings, confidence: float, seed: int
) -> Interval | None:
    """Return the sum of `top` over that of `bottom`, each (n,), with the interval of `over_nights`."""
    import pandas as pd

    night_index, distinct_nights = pd.factorize(nights, sort=True)
    night_numerators, night_denominators = (
        np.bincount(night_index, weights=numerators),
        np.bincount(night_index, weights=denominators),
    )
    return bootstrap_nights(
        lambda drawn: (drawn @ night_numerators) / (drawn @ night_denominators), len(distinct_nights), confidence, seed
    )


def clip_to_share(interval: Interval | None) -> Interval | None:
    """Return the interval of a share, which lies between 0 and 1."""
    return interval and Interval(value=interval.value, low=max(interval.low, 0.0), high=min(interval.high, 1.0))


def bootstrap_nights(
    statistic: Callable[[Floats], Floats], nights: int, confidence: float, seed: int
) -> Interval | None:
    """Return any statistic of some nights with Student's interval: k - 1 degrees of freedom, the resamples' standard error.

    `statistic` takes how often each night counts, shape (resamples, nights), and returns (resamples,), not a number where
    it has none. None with fewer than 2 nights, without a value, or where more than 5 % of the resamples have none. The
    quantiles of the resamples themselves do not reach as far out as few nights, or a high confidence, ask for.
    """
    if nights < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(np.ones((1, nights)))[0])
        deviations = statistic(_resample_counts(nights, seed)) - value
    is_defined = np.isfinite(deviations)
    if not np.isfinite(value) or is_defined.mean() < _MIN_DEFINED_SHARE:
        return None
    scaled_deviations = deviations[is_defined] * np.sqrt(nights / (nights - 1))
    half_width = float(special.stdtrit(nights - 1, (1 + confidence) / 2) * scaled_deviations.std())
    return Interval(value=value, low=value - half_width, high=value + half_width)


@lru_cache(maxsize=16)
def _resample_counts(nights: int, seed: int) -> Floats:
    """Return how often each night is in each resample, shape (resamples, nights)."""
    return np.random.default_rng(seed).multinomial(nights, np.full(nights, 1 / nights), _RESAMPLES).astype(np.float64)
