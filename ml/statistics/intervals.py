"""Scored rows, masks of their slices, and confidence intervals that treat the night as the unit of sampling."""

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
    """Out-of-sample rows: `frame` has their features; `labels`, `scores` and `nights` have the shape (n,)."""

    frame: "pd.DataFrame"
    labels: Floats
    scores: Floats
    nights: Strings

    def select(self, mask: Booleans) -> "ScoredRows":
        """Return the rows where `mask`, shape (n,), is true."""
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
    """Return the interval that was stored as JSON, where None stands for a value or a bound that is not finite.

    >>> from_stored(0.5, None, None)
    Interval(value=0.5, low=-inf, high=inf)
    """
    return Interval(
        value=np.nan if value is None else value,
        low=-np.inf if low is None else low,
        high=np.inf if high is None else high,
    )


def slice_masks(declared: tuple[Slice, ...], levels: Mapping[str, Strings]) -> dict[str, np.ndarray]:
    """Return a mask of shape (n,) for each level of each declared slice that has at least `min_rows` rows.

    `levels` has the level of each row by feature, shape (n,).

    >>> from ml.usecase import Slice
    >>> levels = {"zone": np.array(["east", "east", "west"], object)}
    >>> masks = slice_masks((Slice(feature="zone", min_rows=2),), levels)
    >>> {name: mask.tolist() for name, mask in masks.items()}
    {'zone=east': [True, True, False]}
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
    """Return the mean of `values`, shape (n,), with a bootstrap interval over nights; unbounded with a single night.

    Whole nights are drawn with replacement (Efron & Tibshirani 1993, ch. 6). Their standard error is widened by
    sqrt(k / (k - 1)) for k nights and multiplied by Student's quantile with k - 1 degrees of freedom.

    >>> values, nights = np.array([1.0, 1.0, 4.0]), np.array(["mon", "mon", "tue"], object)
    >>> mean_by_night(values, nights, 0.95, seed=1).value
    2.0
    >>> mean_by_night(values[:2], nights[:2], 0.95, seed=1)
    Interval(value=1.0, low=-inf, high=inf)
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
    """Return sum(numerators) / sum(denominators), each of shape (n,), with the interval of `bootstrap_nights`.

    >>> hits, trials = np.array([1.0, 3.0, 2.0, 2.0]), np.array([4.0, 4.0, 4.0, 4.0])
    >>> interval = ratio_by_night(hits, trials, np.array(["1", "2", "3", "4"], object), 0.95, seed=1)
    >>> interval.value, round(interval.low, 2), round(interval.high, 2)
    (0.5, 0.17, 0.83)
    """
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
    """Return `interval` with its bounds clipped to 0 and 1, for a value that is a share.

    >>> clip_to_share(Interval(value=0.9, low=0.7, high=1.1))
    Interval(value=0.9, low=0.7, high=1.0)
    """
    return interval and Interval(value=interval.value, low=max(interval.low, 0.0), high=min(interval.high, 1.0))


def bootstrap_nights(
    statistic: Callable[[Floats], Floats], nights: int, confidence: float, seed: int
) -> Interval | None:
    """Return a statistic with a Student interval from a bootstrap over nights, or None if it cannot be computed.

    `statistic` takes the number of times each night was drawn, shape (resamples, nights), and returns one value for
    each resample, shape (resamples,), NaN where it is undefined. The half-width is the bootstrap standard error,
    widened by sqrt(k / (k - 1)), times Student's quantile with k - 1 degrees of freedom for k nights. Percentiles of
    the resamples would be too narrow for few nights or a high confidence. The result is None with fewer than 2 nights,
    if the statistic of all nights is undefined, or if that of more than 5 % of the resamples is.

    >>> nightly_means = np.array([1.0, 2.0, 3.0])
    >>> interval = bootstrap_nights(lambda drawn: (drawn @ nightly_means) / 3, 3, 0.95, seed=1)
    >>> interval.value, round(interval.high - interval.value, 1)  # Student's interval of the mean: 2 +- 2.48
    (2.0, 2.5)
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
    """Return the number of times that each night is drawn in each resample, shape (resamples, nights)."""
    return np.random.default_rng(seed).multinomial(nights, np.full(nights, 1 / nights), _RESAMPLES).astype(np.float64)
