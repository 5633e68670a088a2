"""How far features lie from what they are held against: what the champion learned, the same season, or all that was."""

from collections.abc import Collection, Mapping
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.usecase import Drift, Night
from ml.usecase.periods import Period

_BINS, _MIN_SHARE, _MAX_ROWS = 10, 1e-4, 20_000
_CONVENTIONAL_THRESHOLD = 0.2


def comparison_periods(
    declared: Drift, window_nights: int, night: date, training_period: Period, horizon: Night
) -> tuple[Period, Period]:
    """Return the nights that features are held against, and the last `window_nights` up to `night`, which are held.

    The champion learned from the nights `learned`; a season is widened by half a window at either end.
    """
    current = Period(horizon.previous(night, window_nights - 1), night)
    match declared.reference:
        case "training":
            return training_period, current
        case "season":
            season_offset, margin = declared.season_nights or 0, window_nights // 2
            first, last = (
                horizon.previous(current.first, season_offset + margin),
                horizon.previous(night, season_offset - margin),
            )
            return Period(first, min(last, horizon.previous(current.first))), current
        case "past":
            return Period(date.min, horizon.previous(current.first)), current


def excess_stability_indexes(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str] = ()
) -> dict[str, float]:
    """Return how far each column of `reference` has moved in `current`, 0 and above, whatever the numbers of rows.

    That is the population stability index, of counts with half a row more in each bin, less its expectation where nothing
    moved: (bins - 1) (1/n + 1/m) for n and m rows (Yurdakul & Naranjo, 2020), .2 at 60 rows. Of very many rows 20,000 are
    looked at, evenly spaced.
    """
    reference_sample, current_sample = _sample_evenly(reference), _sample_evenly(current)
    return {
        name: _excess_stability_index(p, q, max(len(reference_sample), 1), max(len(current_sample), 1))
        for name, (p, q) in _shares_by_column(reference_sample, current_sample, texts).items()
    }


def drifted_features(indexes: Mapping[str, float], declared: Drift) -> tuple[str, ...]:
    """Return the features that moved by more than is declared, the furthest first."""
    return tuple(
        name for name in sorted(indexes, key=lambda name: -indexes[name]) if indexes[name] > declared.psi_threshold
    )


def conventional_drifted_share(indexes: Mapping[str, float]) -> float:
    """Return which share of `indexes`, one or more, is above .2, where a feature is usually called drifted."""
    return sum(value > _CONVENTIONAL_THRESHOLD for value in indexes.values()) / len(indexes)


def drifted_share(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str], declared: Drift
) -> float | None:
    """Return which share of the features has moved; None where there are no rows to hold, or to hold them against."""
    if reference.empty or current.empty or not len(reference.columns):
        return None
    indexes = excess_stability_indexes(reference, current, texts)
    return len(drifted_features(indexes, declared)) / len(indexes)


def population_stability_indexes(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str] = ()
) -> dict[str, float]:
    """Return the population stability index of each column of `reference`: sum of (q - p) ln(q / p) over its bins.

    Numbers fall into ten bins of equal count in `reference`, where a value that would fill several has one to itself;
    categories fall into their levels, missing values into a bin of their own; shares are kept above 1e-4. `texts` are
    measured by their length. Below .1 is usually called stable, above .2 drifted (Siddiqi, 2006).
    """
    return {name: _stability_index(p, q) for name, (p, q) in _shares_by_column(reference, current, texts).items()}


def _shares_by_column(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str]
) -> dict[str, tuple[Floats, Floats]]:
    """Return for each column of `reference` which shares of the rows lie in its bins, there and in `current`."""
    lengths = {
        name: [
            each[name].astype(object).map(len, na_action="ignore").astype(np.float64) for each in (reference, current)
        ]
        for name in reference.columns.intersection(list(texts))
    }
    columns = {name: (reference[name], current[name]) for name in reference.columns}
    return {name: _bin_shares(*lengths.get(name, both)) for name, both in columns.items()}


def _bin_shares(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    return (_numeric_shares if pd.api.types.is_numeric_dtype(reference.dtype) else _category_shares)(reference, current)


def _stability_index(p: Floats, q: Floats) -> float:
    p, q = np.maximum(p, _MIN_SHARE), np.maximum(q, _MIN_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def _excess_stability_index(p: Floats, q: Floats, reference_rows: int, current_rows: int) -> float:
    """Return the index of shares of so many rows, less what chance makes of it."""
    occupied = np.maximum(p, q) > 0
    bins = int(occupied.sum())
    smoothed = [(each[occupied] * n + 0.5) / (n + 0.5 * bins) for each, n in ((p, reference_rows), (q, current_rows))]
    return max(_stability_index(*smoothed) - (bins - 1) * (1 / reference_rows + 1 / current_rows), 0.0)


def _sample_evenly(rows: pd.DataFrame) -> pd.DataFrame:
    if len(rows) <= _MAX_ROWS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, _MAX_ROWS).astype(np.int64)]


def _numeric_shares(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    present = reference.dropna().to_numpy(np.float64)
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    cuts, repeats = np.unique(np.quantile(present, inner) if len(present) else np.zeros(0), return_counts=True)
    edges = np.unique(np.append(cuts, np.nextafter(cuts[repeats > 1], np.inf)))
    return _binned_shares(reference.to_numpy(np.float64), edges), _binned_shares(current.to_numpy(np.float64), edges)


def _category_shares(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    expected, actual = _level_shares(reference), _level_shares(current)
    levels = expected.index.union(actual.index)
    return _aligned_shares(expected, levels), _aligned_shares(actual, levels)


def _level_shares(column: pd.Series) -> pd.Series:
    """Return the share of each level, by its text."""
    counted = column.value_counts(normalize=True, dropna=False)
    counted.index = pd.Index(["missing" if pd.isna(each) else str(each) for each in counted.index], dtype=object)
    return counted.groupby(level=0).sum()


def _aligned_shares(counted: pd.Series, levels: pd.Index) -> Floats:
    return np.asarray(counted.reindex(levels, fill_value=0.0), np.float64)


def _binned_shares(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return np.append(counts, missing.sum()) / max(len(values), 1)
