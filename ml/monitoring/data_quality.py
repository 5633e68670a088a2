"""Data quality of features: counts of missing, infinite and out-of-range values, compared with the training rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnQuality:
    """Counts of one feature's values.

    `out_of_range` counts finite numbers outside the range of the reference rows, or levels that do not occur in them.
    """

    feature: str
    rows: int
    missing: int
    infinite: int
    out_of_range: int


def measure(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[ColumnQuality, ...]:
    """Return the quality of each column of `current`, compared with the `reference` rows (those of the training).

    >>> reference = pd.DataFrame({"miles": [1.0, 5.0]})
    >>> measure(reference, pd.DataFrame({"miles": [3.0, 9.0, None, float("inf")]}))
    (ColumnQuality(feature='miles', rows=4, missing=1, infinite=1, out_of_range=1),)
    """
    return tuple(_measure_column(str(name), reference[name], current[name]) for name in current.columns)


def _measure_column(name: str, reference: pd.Series, current: pd.Series) -> ColumnQuality:
    missing, rows = int(current.isna().sum()), len(current)
    if not pd.api.types.is_numeric_dtype(current.dtype) or not pd.api.types.is_numeric_dtype(reference.dtype):
        out_of_range = int((~current.dropna().astype(str).isin(set(reference.dropna().astype(str)))).sum())
        return ColumnQuality(feature=name, rows=rows, missing=missing, infinite=0, out_of_range=out_of_range)
    values, known = (each.to_numpy(np.float64, na_value=np.nan) for each in (current, reference))
    known, finite = known[np.isfinite(known)], np.isfinite(values)
    low, high = (known.min(), known.max()) if len(known) else (-np.inf, np.inf)
    return ColumnQuality(
        feature=name,
        rows=rows,
        missing=missing,
        infinite=int(np.isinf(values).sum()),
        out_of_range=int(((values[finite] < low) | (values[finite] > high)).sum()),
    )
