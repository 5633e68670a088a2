"""Whether numbers are sound: how many values of each feature are missing, infinite, or beyond what was learned from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class Soundness:
    """Of one feature's `rows` values, how many are `missing`, `infinite`, or `beyond`: below or above all, or a level never seen."""

    feature: str
    rows: int
    missing: int
    infinite: int
    beyond: int


def measure(learned: pd.DataFrame, current: pd.DataFrame) -> tuple[Soundness, ...]:
    """Return how sound each column of `current` is, beside the rows `learned` from."""
    return tuple(_of(str(name), learned[name], current[name]) for name in current.columns)


def _of(name: str, learned: pd.Series, current: pd.Series) -> Soundness:
    missing, rows = int(current.isna().sum()), len(current)
    if not pd.api.types.is_numeric_dtype(current.dtype) or not pd.api.types.is_numeric_dtype(learned.dtype):
        beyond = int((~current.dropna().astype(str).isin(set(learned.dropna().astype(str)))).sum())
        return Soundness(feature=name, rows=rows, missing=missing, infinite=0, beyond=beyond)
    values, known = (each.to_numpy(np.float64, na_value=np.nan) for each in (current, learned))
    known, finite = known[np.isfinite(known)], np.isfinite(values)
    low, high = (known.min(), known.max()) if len(known) else (-np.inf, np.inf)
    return Soundness(
        feature=name,
        rows=rows,
        missing=missing,
        infinite=int(np.isinf(values).sum()),
        beyond=int(((values[finite] < low) | (values[finite] > high)).sum()),
    )
