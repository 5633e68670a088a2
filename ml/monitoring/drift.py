"""How far features lie from what they are held against: what the champion learned, the same season, or all that was."""

from collections.abc import Collection, Mapping
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.periods import Period
from ml.usecase import Drift, Night

_BINS, _FLOOR, _MOST_ROWS = 10, 1e-4, 20_000
_DRIFTED = 0.2


def spans(declared: Drift, window_nights: int, night: date, learned: Period, horizon: Night) -> tuple[Period, Period]:
    """Return the nights that features are held against, and the last `window_nights` up to `night`, which are held.

    The champion learned from the nights `learned`; a season is widened by half a window at either end.
    """
    current = Period(horizon.before(night, window_nights - 1), night)
    match declared.against:
        case "training":
            return learned, current
        case "season":
            back, wider = declared.season_nights or 0, window_nights // 2
            first, last = horizon.before(current.first, back + wider), horizon.before(night, back - wider)
            return Period(first, min(last, horizon.before(current.first))), current
        case "past":
            return Period(date.min, horizon.before(current.first)), current


def effects(reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str] = ()) -> dict[str, float]:
    """Return how far each column of `reference` has moved in `current`, 0 and above, whatever the numbers of rows.

    That is the population stability index, of counts with half a row more in each bin, less its expectation where nothing
    moved: (bins - 1) (1/n + 1/m) for n and m rows (Yurdakul & Naranjo, 2020), .2 at 60 rows. Of very many rows 20,000 are
    looked at, evenly spaced.
    """
    rows, others = _thinned(reference), _thinned(current)
    return {
        name: _beyond_chance(p, q, max(len(rows), 1), max(len(others), 1))
        for name, (p, q) in _shares_by_column(rows, others, texts).items()
    }


def moved(found: Mapping[str, float], declared: Drift) -> tuple[str, ...]:
    """Return the features that moved by more than is declared, the furthest first."""
    return tuple(name for name in sorted(found, key=lambda name: -found[name]) if found[name] > declared.moved)


def share_beyond(indexes: Mapping[str, float]) -> float:
    """Return which share of `indexes`, one or more, is above .2, where a feature is usually called drifted."""
    return sum(value > _DRIFTED for value in indexes.values()) / len(indexes)


def share(reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str], declared: Drift) -> float | None:
    """Return which share of the features has moved; None where there are no rows to hold, or to hold them against."""
    if reference.empty or current.empty or not len(reference.columns):
        return None
    found = effects(reference, current, texts)
    return len(moved(found, declared)) / len(found)


def population_stability(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str] = ()
) -> dict[str, float]:
    """Return the population stability index of each column of `reference`: sum of (q - p) ln(q / p) over its bins.

    Numbers fall into ten bins of equal count in `reference`, where a value that would fill several has one to itself;
    categories fall into their levels, missing values into a bin of their own; shares are kept above 1e-4. `texts` are
    measured by their length. Below .1 is usually called stable, above .2 drifted (Siddiqi, 2006).
    """
    return {name: _index(p, q) for name, (p, q) in _shares_by_column(reference, current, texts).items()}


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
    return {name: _binned_alike(*lengths.get(name, both)) for name, both in columns.items()}


def _binned_alike(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    return (_numbers if pd.api.types.is_numeric_dtype(reference.dtype) else _categories)(reference, current)


def _index(p: Floats, q: Floats) -> float:
    p, q = np.maximum(p, _FLOOR), np.maximum(q, _FLOOR)
    return float(((q - p) * np.log(q / p)).sum())


def _beyond_chance(p: Floats, q: Floats, rows: int, others: int) -> float:
    """Return the index of shares of so many rows, less what chance makes of it."""
    seen = np.maximum(p, q) > 0
    bins = int(seen.sum())
    smooth = [(each[seen] * n + 0.5) / (n + 0.5 * bins) for each, n in ((p, rows), (q, others))]
    return max(_index(*smooth) - (bins - 1) * (1 / rows + 1 / others), 0.0)


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    if len(rows) <= _MOST_ROWS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(np.int64)]


def _numbers(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    known = reference.dropna().to_numpy(np.float64)
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    cuts, times = np.unique(np.quantile(known, inner) if len(known) else np.zeros(0), return_counts=True)
    edges = np.unique(np.append(cuts, np.nextafter(cuts[times > 1], np.inf)))
    return _binned(reference.to_numpy(np.float64), edges), _binned(current.to_numpy(np.float64), edges)


def _categories(reference: pd.Series, current: pd.Series) -> tuple[Floats, Floats]:
    expected, actual = _levels(reference), _levels(current)
    levels = expected.index.union(actual.index)
    return _shares(expected, levels), _shares(actual, levels)


def _levels(column: pd.Series) -> pd.Series:
    """Return the share of each level, by its text."""
    counted = column.value_counts(normalize=True, dropna=False)
    counted.index = pd.Index(["missing" if pd.isna(each) else str(each) for each in counted.index], dtype=object)
    return counted.groupby(level=0).sum()


def _shares(counted: pd.Series, levels: pd.Index) -> Floats:
    return np.asarray(counted.reindex(levels, fill_value=0.0), np.float64)


def _binned(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return np.append(counts, missing.sum()) / max(len(values), 1)
