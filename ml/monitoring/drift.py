"""Feature drift against a reference: the champion's training rows, the same season, or all earlier nights.

Drift is measured by the population stability index (PSI).
"""

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
    """Return the reference period, and the current period: the last `window_nights` nights up to `night`.

    `training_period` has the nights that the champion was fitted on. A season is widened by half a window at both ends,
    and ends before the current period. `horizon` converts a number of nights to dates.

    >>> daily, fitted = Night(hour=12, timezone="UTC"), Period(date(2013, 1, 1), date(2013, 1, 31))
    >>> season = Drift(reference="season", season_nights=364)
    >>> reference, current = comparison_periods(season, 7, date(2013, 2, 28), fitted, daily)
    >>> str(reference), str(current)
    ('2012-02-21..2012-03-04', '2013-02-22..2013-02-28')
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
    """Return the excess population stability index of each column of `reference`: 0 or more, for any number of rows.

    The excess is the index minus its expectation without drift, (bins - 1) (1/n + 1/m) for n and m rows (Yurdakul &
    Naranjo, 2020), which is about .2 for ten bins and 60 rows. Half a row is added to the count of each bin. Of more
    than 20,000 rows, 20,000 evenly spaced rows are used. `texts` are measured by their length.

    >>> reference = pd.DataFrame({"zone": ["east", "west"] * 30})
    >>> excess_stability_indexes(reference, reference)
    {'zone': 0.0}
    >>> moved = excess_stability_indexes(reference, pd.DataFrame({"zone": ["east"] * 45 + ["west"] * 15}))
    >>> round(moved["zone"], 4)  # q - p = 15/61, ln(q / p) = ln(45.5 / 30.5) and ln(15.5 / 30.5); minus 1/30
    0.2315
    """
    reference_sample, current_sample = _sample_evenly(reference), _sample_evenly(current)
    return {
        name: _excess_stability_index(p, q, max(len(reference_sample), 1), max(len(current_sample), 1))
        for name, (p, q) in _shares_by_column(reference_sample, current_sample, texts).items()
    }


def drifted_features(indexes: Mapping[str, float], declared: Drift) -> tuple[str, ...]:
    """Return the features whose index exceeds the declared `psi_threshold`, the largest first.

    >>> drifted_features({"zone": 0.05, "miles": 0.3, "hour": 0.8}, Drift(psi_threshold=0.2))
    ('hour', 'miles')
    """
    return tuple(
        name for name in sorted(indexes, key=lambda name: -indexes[name]) if indexes[name] > declared.psi_threshold
    )


def conventional_drifted_share(indexes: Mapping[str, float]) -> float:
    """Return the share of `indexes` (one or more) above .2, the conventional threshold of drift.

    >>> conventional_drifted_share({"zone": 0.05, "miles": 0.3, "hour": 0.8, "day": 0.2})
    0.5
    """
    return sum(value > _CONVENTIONAL_THRESHOLD for value in indexes.values()) / len(indexes)


def drifted_share(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str], declared: Drift
) -> float | None:
    """Return the share of the features that drifted; None if either frame has no rows, or there are no features.

    >>> reference, current = pd.DataFrame({"zone": ["east", "west"] * 30}), pd.DataFrame({"zone": ["east"] * 60})
    >>> drifted_share(reference, current, texts=(), declared=Drift())
    1.0
    """
    if reference.empty or current.empty or not len(reference.columns):
        return None
    indexes = excess_stability_indexes(reference, current, texts)
    return len(drifted_features(indexes, declared)) / len(indexes)


def population_stability_indexes(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str] = ()
) -> dict[str, float]:
    """Return the population stability index of each column of `reference`: the sum of (q - p) ln(q / p) over its bins.

    p and q are the shares of the rows in `reference` and `current`, at least 1e-4. Numbers have ten bins of equal count
    in `reference`; a value that would fill several bins has its own. Categories have one bin for each level. Missing
    values have a bin of their own. `texts` are measured by their length. By convention, an index below .1 is stable and
    one above .2 is drift (Siddiqi, 2006).

    >>> reference, current = pd.DataFrame({"zone": ["east", "west"]}), pd.DataFrame({"zone": ["east"] * 3 + ["west"]})
    >>> round(population_stability_indexes(reference, current)["zone"], 4)  # (.75 - .5) ln 1.5 + (.25 - .5) ln .5
    0.2747
    """
    return {name: _stability_index(p, q) for name, (p, q) in _shares_by_column(reference, current, texts).items()}


def _shares_by_column(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Collection[str]
) -> dict[str, tuple[Floats, Floats]]:
    """Return, for each column of `reference`, the shares of rows in each bin: in `reference`, and in `current`."""
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
    """Return the index of p and q, smoothed by half a row in each bin, minus its expectation without drift."""
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
    """Return the share of rows of each level, indexed by the level's text; "missing" for missing values."""
    counted = column.value_counts(normalize=True, dropna=False)
    counted.index = pd.Index(["missing" if pd.isna(each) else str(each) for each in counted.index], dtype=object)
    return counted.groupby(level=0).sum()


def _aligned_shares(counted: pd.Series, levels: pd.Index) -> Floats:
    return np.asarray(counted.reindex(levels, fill_value=0.0), np.float64)


def _binned_shares(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return np.append(counts, missing.sum()) / max(len(values), 1)
