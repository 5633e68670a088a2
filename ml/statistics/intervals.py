"""Rows with their answers, the slices of them, and numbers with intervals that treat nights as the sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import special

from ml.arrays import Booleans, Floats, Strings
from ml.usecase import Slice

_RESAMPLES, _LEAST_KNOWN = 4000, 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """Rows that the model which answered them had not learned from: features, labels, scores and nights, each n."""

    frame: pd.DataFrame
    labels: Floats
    scores: Floats
    nights: Strings

    def where(self, mask: Booleans) -> "Answered":
        """Return the rows under `mask`."""
        return Answered(
            frame=self.frame[mask], labels=self.labels[mask], scores=self.scores[mask], nights=self.nights[mask]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def slices(declared: tuple[Slice, ...], levels: Mapping[str, Strings]) -> dict[str, np.ndarray]:
    """Return a mask over the rows for every level, of every declared slice, that has rows enough.

    `levels` holds the text of each slice's feature, shape (n,).
    """
    masks = {}
    for each in declared:
        place, found = pd.factorize(levels[each.by], sort=True)
        for number, level in enumerate(found):
            mask = place == number
            if mask.sum() >= each.least_rows:
                masks[f"{each.by}={level}"] = mask
    return masks


def mean_by_night(values: Floats, nights: Strings, confidence: float, seed: int) -> Interval:
    """Return the mean of `values` (n,) with an interval that takes nights as the sample; unbounded with one night.

    Whole nights are drawn with replacement (Efron & Tibshirani 1993, ch. 6); their standard error is widened by
    sqrt(k / (k - 1)) for k nights and multiplied by Student's quantile for k - 1 degrees of freedom.
    """
    found = ratio_by_night(values, np.ones(len(values)), nights, confidence, seed)
    if found is not None:
        return found
    mean = float(values.mean())
    bound = np.inf if np.isfinite(mean) else np.nan
    return Interval(value=mean, low=-bound, high=bound)


def ratio_by_night(top: Floats, bottom: Floats, nights: Strings, confidence: float, seed: int) -> Interval | None:
    """Return the sum of `top` over that of `bottom`, each (n,), with the interval of `over_nights`."""
    place, distinct = pd.factorize(nights, sort=True)
    over, under = np.bincount(place, weights=top), np.bincount(place, weights=bottom)
    return over_nights(lambda drawn: (drawn @ over) / (drawn @ under), len(distinct), confidence, seed)


def as_share(each: Interval | None) -> Interval | None:
    """Return the interval of a share, which lies between 0 and 1."""
    return each and Interval(value=each.value, low=max(each.low, 0.0), high=min(each.high, 1.0))


def over_nights(statistic: Callable[[Floats], Floats], nights: int, confidence: float, seed: int) -> Interval | None:
    """Return any statistic of some nights with Student's interval: k - 1 degrees of freedom, the resamples' standard error.

    `statistic` takes how often each night counts, shape (resamples, nights), and returns (resamples,), not a number where
    it has none. None with fewer than 2 nights, without a value, or where more than 5 % of the resamples have none. The
    quantiles of the resamples themselves do not reach as far out as few nights, or a high confidence, ask for.
    """
    if nights < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(np.ones((1, nights)))[0])
        deviations = statistic(_drawn(nights, seed)) - value
    known = np.isfinite(deviations)
    if not np.isfinite(value) or known.mean() < _LEAST_KNOWN:
        return None
    widened = deviations[known] * np.sqrt(nights / (nights - 1))
    reach = float(special.stdtrit(nights - 1, (1 + confidence) / 2) * widened.std())
    return Interval(value=value, low=value - reach, high=value + reach)


@lru_cache(maxsize=16)
def _drawn(nights: int, seed: int) -> Floats:
    """Return how often each night is in each resample, shape (resamples, nights)."""
    return np.random.default_rng(seed).multinomial(nights, np.full(nights, 1 / nights), _RESAMPLES).astype(np.float64)
