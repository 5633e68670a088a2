"""Feature drift against a reference: the champion's training rows, the same season, or all earlier nights.

Drift is measured by the population stability index (PSI).
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.monitoring import reference_profile
from ml.monitoring.reference_profile import ReferenceProfile
from ml.usecase import Drift, Night
from ml.usecase.periods import Period

_MIN_SHARE = 1e-4
_CONVENTIONAL_THRESHOLD = 0.2


def comparison_periods(
    declared: Drift, window_nights: int, night: date, training_period: Period, schedule: Night
) -> tuple[Period, Period]:
    """Return the reference period, and the current period: the last `window_nights` nights up to `night`.

    `training_period` has the nights that the champion was fitted on. A season is widened by half a window at both ends,
    and ends before the current period. `schedule` converts a number of nights to dates.

    >>> daily, fitted = Night(hour=12, timezone="UTC"), Period(date(2013, 1, 1), date(2013, 1, 31))
    >>> season = Drift(reference="season", season_nights=364)
    >>> reference, current = comparison_periods(season, 7, date(2013, 2, 28), fitted, daily)
    >>> str(reference), str(current)
    ('2012-02-21..2012-03-04', '2013-02-22..2013-02-28')
    """
    current = Period(schedule.previous(night, window_nights - 1), night)
    match declared.reference:
        case "training":
            return training_period, current
        case "season":
            season_offset, margin = declared.season_nights or 0, window_nights // 2
            first, last = (
                schedule.previous(current.first, season_offset + margin),
                schedule.previous(night, season_offset - margin),
            )
            return Period(first, min(last, schedule.previous(current.first))), current
        case "past":
            return Period(date.min, schedule.previous(current.first)), current


def excess_stability_indexes(reference: ReferenceProfile, current: pd.DataFrame) -> dict[str, float]:
    """Return the excess population stability index of each column of `reference`: 0 or more, for any number of rows.

    The excess is the index minus its expectation without drift, (bins - 1) (1/n + 1/m) for n and m rows (Yurdakul &
    Naranjo, 2020), which is about .2 for ten bins and 60 rows. Half a row is added to the count of each bin. Of more
    than 20,000 rows, 20,000 evenly spaced rows are used.

    >>> zones = pd.DataFrame({"zone": ["east", "west"] * 30})
    >>> reference = reference_profile.build(zones)
    >>> excess_stability_indexes(reference, zones)
    {'zone': 0.0}
    >>> moved = excess_stability_indexes(reference, pd.DataFrame({"zone": ["east"] * 45 + ["west"] * 15}))
    >>> round(moved["zone"], 4)  # q - p = 15/61, ln(q / p) = ln(45.5 / 30.5) and ln(15.5 / 30.5); minus 1/30
    0.2315
    """
    sample = reference_profile.sample_evenly(current)
    rows = max(reference.sample_rows, 1), max(len(sample), 1)
    return {
        name: _excess_stability_index(*column.sample.shares(column.values(sample[name])), *rows)
        for name, column in reference.columns.items()
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


def drifted_share(reference: ReferenceProfile, current: pd.DataFrame, declared: Drift) -> float | None:
    """Return the share of the features that drifted; None if one side has no rows, or there are no features.

    >>> reference = reference_profile.build(pd.DataFrame({"zone": ["east", "west"] * 30}))
    >>> drifted_share(reference, pd.DataFrame({"zone": ["east"] * 60}), declared=Drift())
    1.0
    """
    if not reference.rows or current.empty or not reference.columns:
        return None
    indexes = excess_stability_indexes(reference, current)
    return len(drifted_features(indexes, declared)) / len(indexes)


def population_stability_indexes(reference: ReferenceProfile, current: pd.DataFrame) -> dict[str, float]:
    """Return the population stability index of each column of `reference`: the sum of (q - p) ln(q / p) over its bins.

    p and q are the shares of the rows in `reference` and `current`, at least 1e-4. Numbers have ten bins of equal count
    in `reference`; a value that would fill several bins has its own. Categories have one bin for each level. Missing
    values have a bin of their own. Texts are measured by their length. By convention, an index below .1 is stable and
    one above .2 is drift (Siddiqi, 2006).

    >>> reference = reference_profile.build(pd.DataFrame({"zone": ["east", "west"]}))
    >>> current = pd.DataFrame({"zone": ["east"] * 3 + ["west"]})
    >>> round(population_stability_indexes(reference, current)["zone"], 4)  # (.75 - .5) ln 1.5 + (.25 - .5) ln .5
    0.2747
    """
    return {
        name: _stability_index(*column.bins.shares(column.values(current[name])))
        for name, column in reference.columns.items()
    }


def _stability_index(p: Floats, q: Floats) -> float:
    p, q = np.maximum(p, _MIN_SHARE), np.maximum(q, _MIN_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def _excess_stability_index(p: Floats, q: Floats, reference_rows: int, current_rows: int) -> float:
    """Return the index of p and q, smoothed by half a row in each bin, minus its expectation without drift."""
    occupied = np.maximum(p, q) > 0
    bins = int(occupied.sum())
    smoothed = [(each[occupied] * n + 0.5) / (n + 0.5 * bins) for each, n in ((p, reference_rows), (q, current_rows))]
    return max(_stability_index(*smoothed) - (bins - 1) * (1 / reference_rows + 1 / current_rows), 0.0)
