"""Instants as whole seconds since 1970 (UTC), rounded so that no row is known too early."""

import math

import numpy as np
import pandas as pd

from ml.arrays import Integers


def seconds(instants: pd.Series) -> Integers:
    """Return UTC instants as whole seconds since 1970, rounded up so that no row is known too early.

    >>> seconds(pd.Series(pd.to_datetime([1_000, 1_001], unit="ms", utc=True))).tolist()
    [1, 2]
    """
    return -(-_nanoseconds(instants) // 1_000_000_000)


def seconds_before(instants: pd.Series, hours: float) -> Integers:
    """Return the second that is `hours` before each UTC instant, rounded down so that no cutoff is too late.

    >>> seconds_before(pd.Series(pd.to_datetime([7_200_999], unit="ms", utc=True)), hours=1.5).tolist()
    [1800]
    """
    return _nanoseconds(instants) // 1_000_000_000 - math.ceil(hours * 3600)


def _nanoseconds(instants: pd.Series) -> Integers:
    nanoseconds: Integers = instants.dt.as_unit("ns").to_numpy("datetime64[ns]").astype(np.int64)
    return nanoseconds
