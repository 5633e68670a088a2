"""How good a model is on given rows: overall and by slice, with intervals that treat nights as the sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from ml import metrics
from ml.arrays import Floats, Strings
from ml.usecase import Cost, Slice

_RESAMPLES = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """The numbers of one model on one set of rows; None where a metric needs both classes and has one."""

    rows: int
    nights: int
    base_rate: float
    auc: float | None
    average_precision: float | None
    log_loss: float
    brier: float
    calibration_error: float
    calibration_gap: float
    saved_per_1000: float


def measure(labels: Floats, scores: Floats, nights: Strings, cost: Cost) -> Quality:
    """Return every metric of `scores` (probabilities, shape (n,)) against `labels` (0 or 1, shape (n,)); n >= 1."""
    return Quality(
        rows=len(labels),
        nights=len(np.unique(nights)),
        base_rate=float(labels.mean()),
        auc=metrics.auc(labels, scores),
        average_precision=metrics.average_precision(labels, scores),
        log_loss=metrics.log_loss(labels, scores),
        brier=metrics.brier(labels, scores),
        calibration_error=metrics.expected_calibration_error(labels, scores),
        calibration_gap=metrics.calibration_gap(labels, scores),
        saved_per_1000=metrics.saved(labels, scores, cost),
    )


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
    """Return the mean of `values` (n,) with a bootstrap interval over nights, both tails cut alike.

    Whole nights are drawn with replacement (Efron & Tibshirani 1993, ch. 8); deviations are widened by
    sqrt(k / (k - 1)) for k nights, without which few nights promise too much.
    """
    place, distinct = pd.factorize(nights, sort=True)
    totals = np.bincount(place, weights=values)
    counts = np.bincount(place).astype(np.float64)
    mean = float(totals.sum() / counts.sum())
    if len(distinct) < 2:
        return Interval(value=mean, low=-np.inf, high=np.inf)
    drawn = _drawn(len(distinct), seed)
    deviations = (drawn @ totals) / (drawn @ counts) - mean
    widened = deviations * np.sqrt(len(distinct) / (len(distinct) - 1))
    low, high = np.quantile(widened, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value=mean, low=mean + float(low), high=mean + float(high))


@lru_cache(maxsize=16)
def _drawn(nights: int, seed: int) -> Floats:
    """Return how often each night is in each resample, shape (resamples, nights)."""
    return np.random.default_rng(seed).multinomial(nights, np.full(nights, 1 / nights), _RESAMPLES).astype(np.float64)
