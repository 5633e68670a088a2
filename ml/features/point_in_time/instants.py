"""Instants as whole seconds since 1970 (UTC), rounded so that nothing is known early."""

import math

import numpy as np
import pandas as pd

from ml.arrays import Integers


def seconds(instants: pd.Series) -> Integers:
    """Return UTC instants as whole seconds since 1970, rounded up: a row is never known early."""
    return -(-_nanoseconds(instants) // 1_000_000_000)


def seconds_before(instants: pd.Series, hours: float) -> Integers:
    """Return the second `hours` before each UTC instant, rounded down: a cutoff is never late."""
    return _nanoseconds(instants) // 1_000_000_000 - math.ceil(hours * 3600)


def _nanoseconds(instants: pd.Series) -> Integers:
    nanoseconds: Integers = instants.dt.as_unit("ns").to_numpy("datetime64[ns]").astype(np.int64)
    return nanoseconds
