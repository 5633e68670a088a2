"""How far tonight's features lie from what the champion learned: shown, not obeyed."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from ml.arrays import Floats

_BINS, _FLOOR = 10, 1e-4


def population_stability(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str] = ()
) -> dict[str, float]:
    """Return the population stability index of each column of `reference`: sum of (q - p) ln(q / p) over its bins.

    Numbers fall into ten bins of equal count in `reference`, where a value that would fill several has one to itself;
    categories fall into their levels, missing values into a bin of their own; shares are kept above 1e-4. `texts` are
    measured by their length. Below .1 is usually called stable, above .2 drifted (Siddiqi, 2006).
    """
    lengths = {
        name: [
            each[name].astype(object).map(len, na_action="ignore").astype(np.float64) for each in (reference, current)
        ]
        for name in reference.columns.intersection(list(texts))
    }
    columns = {name: (reference[name], current[name]) for name in reference.columns}
    return {name: _stability(*lengths.get(name, both)) for name, both in columns.items()}


def _stability(reference: pd.Series, current: pd.Series) -> float:
    shares = _numbers if pd.api.types.is_numeric_dtype(reference.dtype) else _categories
    p, q = (np.maximum(each, _FLOOR) for each in shares(reference, current))
    return float(((q - p) * np.log(q / p)).sum())


def _numbers(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    known = reference.dropna().to_numpy(np.float64)
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    cuts, times = np.unique(np.quantile(known, inner) if len(known) else np.zeros(0), return_counts=True)
    edges = np.unique(np.append(cuts, np.nextafter(cuts[times > 1], np.inf)))
    return _binned(reference.to_numpy(np.float64), edges), _binned(current.to_numpy(np.float64), edges)


def _categories(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    expected, actual = (
        each.astype(str).where(each.notna(), "missing").value_counts(normalize=True) for each in (reference, current)
    )
    levels = expected.index.union(actual.index)
    return _shares(expected, levels), _shares(actual, levels)


def _shares(counted: pd.Series, levels: pd.Index) -> Floats:
    return np.asarray(counted.reindex(levels, fill_value=0.0), np.float64)


def _binned(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return np.append(counts, missing.sum()) / max(len(values), 1)
