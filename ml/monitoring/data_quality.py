"""Data quality of features: counts of missing, infinite and out-of-range values, compared with the training rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.monitoring.binning import LevelBins
from ml.monitoring.reference_profile import ColumnProfile, ReferenceProfile


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnQuality:
    """Counts of one feature's values.

    `out_of_range` counts finite numbers outside the range of the reference rows, texts of a length outside its range,
    or levels that do not occur in these rows.
    """

    feature: str
    rows: int
    missing: int
    infinite: int
    out_of_range: int


def measure(reference: ReferenceProfile, current: pd.DataFrame) -> tuple[ColumnQuality, ...]:
    """Return the quality of each column of `reference` (the training rows) in the rows `current`.

    >>> from ml.monitoring import reference_profile
    >>> reference = reference_profile.build(pd.DataFrame({"miles": [1.0, 5.0]}))
    >>> measure(reference, pd.DataFrame({"miles": [3.0, 9.0, None, float("inf")]}))
    (ColumnQuality(feature='miles', rows=4, missing=1, infinite=1, out_of_range=1),)
    """
    return tuple(
        _measure_column(name, column, column.values(current[name])) for name, column in reference.columns.items()
    )


def _measure_column(name: str, reference: ColumnProfile, current: pd.Series) -> ColumnQuality:
    missing, rows = int(current.isna().sum()), len(current)
    if isinstance(reference.bins, LevelBins):
        out_of_range = int((~current.dropna().astype(str).isin(reference.bins.counts.keys())).sum())
        return ColumnQuality(feature=name, rows=rows, missing=missing, infinite=0, out_of_range=out_of_range)
    values = current.to_numpy(np.float64, na_value=np.nan)
    finite = values[np.isfinite(values)]
    low = -np.inf if reference.low is None else reference.low
    high = np.inf if reference.high is None else reference.high
    return ColumnQuality(
        feature=name,
        rows=rows,
        missing=missing,
        infinite=int(np.isinf(values).sum()),
        out_of_range=int(((finite < low) | (finite > high)).sum()),
    )
