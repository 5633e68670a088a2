"""How far tonight's features lie from what the champion learned: shown, not obeyed."""

import numpy as np
import pandas as pd

from ml.arrays import Floats

_BINS, _FLOOR = 10, 1e-4


def population_stability(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """Return the population stability index of each column of `reference`: sum of (q - p) ln(q / p) over its bins.

    Numbers fall into ten bins of equal count in `reference`, categories into their levels, missing values into a bin
    of their own; shares are kept above 1e-4. Below .1 is usually called stable, above .2 drifted (Siddiqi, 2006).
    """
    return {name: _stability(reference[name], current[name]) for name in reference.columns}


def _stability(reference: pd.Series, current: pd.Series) -> float:
    if pd.api.types.is_numeric_dtype(reference.dtype):
        edges = np.unique(np.nanquantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1])) if reference.notna().any() else []
        expected, actual = (_binned(column.to_numpy(float), np.asarray(edges)) for column in (reference, current))
    else:
        expected, actual = (column.astype(object).fillna("missing").value_counts(normalize=True) for column in (reference, current))
        levels = expected.index.union(actual.index)
        expected, actual = (shares.reindex(levels, fill_value=0.0).to_numpy() for shares in (expected, actual))
    p, q = (np.maximum(shares, _FLOOR) for shares in (expected, actual))
    return float(((q - p) * np.log(q / p)).sum())


def _binned(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return np.append(counts, missing.sum()) / max(len(values), 1)
