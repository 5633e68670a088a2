"""Instants as whole seconds since 1970 (UTC), rounded so that no row is known too early."""

import math

import numpy as np
import pandas as pd

from ml.arrays import Integers

MISSING = -100_000_000_000  # the second of a missing instant: before the year 1

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def seconds(instants: pd.Series) -> Integers:
    """Return UTC instants as whole seconds since 1970, rounded up so that no row is known too early.

    A missing instant is before all others.

    >>> seconds(pd.Series(pd.to_datetime([1_000, 1_001], unit="ms", utc=True))).tolist()
    [1, 2]
    """
    return _seconds(instants, round_up=True)


def seconds_before(instants: pd.Series, hours: float) -> Integers:
    """Return the second that is `hours` before each UTC instant, rounded down so that no cutoff is too late.

    >>> seconds_before(pd.Series(pd.to_datetime([7_200_999], unit="ms", utc=True)), hours=1.5).tolist()
    [1800]
    """
    return _seconds(instants, round_up=False) - math.ceil(hours * 3600)


def _seconds(instants: pd.Series, *, round_up: bool) -> Integers:
    """Return instants as seconds, from their own unit: nanoseconds are limited to the years 1677 to 2262."""
    values = instants.to_numpy(f"datetime64[{instants.dt.unit}]")
    ticks = values.astype(np.int64)
    per_second = _PER_SECOND[np.datetime_data(values.dtype)[0]]
    whole: Integers = -(-ticks // per_second) if round_up else ticks // per_second
    whole[np.isnat(values)] = MISSING
    return whole
