"""What needs the rows of a table: each kind of lookup, made for all entities at once."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.features.point_in_time import AsOfView, Timeline, ratio
from ml.usecase import AsOf, Lookup, Since, Window

_HOUR_SECONDS = 3600


def look_up(feature: Lookup, view: AsOfView) -> dict[str, pd.Series]:
    """Return the feature's columns, one value for each of the view's entities."""
    match feature:
        case AsOf():
            return as_of(feature, view)
        case Window():
            return window(feature, view)
        case Since():
            return since(feature, view)


def as_of(feature: AsOf, view: AsOfView) -> dict[str, pd.Series]:
    """Return the columns of the latest row, by its second of event, that each entity's group knows at its cutoff."""
    history, keys, index = view.table_index, view.lookup_keys(feature.by), view.entities.rows.index
    table, line = history.table, keys.timeline
    if not len(line.order):
        return {name: pd.Series(np.nan, index, dtype=table[name].dtype) for name in feature.columns}
    positions, events = keys.end_positions(), line.cached("events", lambda: history.seconds("event_time")[line.order])
    latest = line.cached("latest", lambda: line.latest(events))[positions - 1]
    fresh = keys.has_rows(positions) & (events[latest] >= keys.cutoffs - feature.within_hours * _HOUR_SECONDS)
    rows, known = line.order[latest][keys.pairs.pair_of_entity], fresh[keys.pairs.pair_of_entity]
    return {name: table[name].take(rows).set_axis(index).where(known) for name in feature.columns}


def window(feature: Window, view: AsOfView) -> dict[str, pd.Series]:
    """Return the statistic over `(cutoff - length, cutoff]` for each entity's group, one column for each length."""
    pair, index = view.lookup_keys(feature.by).pairs.pair_of_entity, view.entities.rows.index
    return {
        name: pd.Series(_statistic(feature, view, ago)[pair], index, copy=False)
        for name, ago in feature.lookback_seconds.items()
    }


def overall(feature: Window, output: str, view: AsOfView) -> Floats:
    """Return what the window says at each entity's cutoff of all rows, whatever their group."""
    ago, everywhere = feature.lookback_seconds[output], replace(feature, by=(), shrinkage=0.0)
    return _statistic(everywhere, view, ago)[view.entities.moment]


def since(feature: Since, view: AsOfView) -> dict[str, pd.Series]:
    """Return the hours from the group's latest row, of those `where` says, to each entity's cutoff."""
    keys = view.lookup_keys(feature.by, "known_at" if feature.on == "known_at" else "seen")
    [name], positions = feature.outputs, keys.end_positions()
    hours = np.full(len(positions), np.nan)
    if len(keys.timeline.order):
        latest = keys.timeline.cached(
            ("latest", feature.on, feature.condition), lambda: _latest(feature, view, keys.timeline)
        )
        ago = (keys.cutoffs - latest[positions - 1]) / _HOUR_SECONDS
        hours = np.where(keys.has_rows(positions) & (ago <= feature.within_hours), ago, np.nan)
    return {name: pd.Series(hours[keys.pairs.pair_of_entity], view.entities.rows.index)}


def _latest(feature: Since, view: AsOfView, line: Timeline) -> Floats:
    """Return the second of the latest row that counts, of each place's group so far; long ago where there is none."""
    instants, counts = view.table_index.seconds(feature.on)[line.order], np.full(len(line.order), True)
    if feature.condition is not None:
        counts = view.table_index.table[feature.condition].to_numpy(np.float64, na_value=0.0)[line.order] > 0
    latest = line.latest(np.where(counts, instants, instants.min() - 1))
    return np.where(counts[latest], instants[latest], -np.inf)


def _statistic(feature: Window, view: AsOfView, ago: int) -> Floats:
    """Return the window's value for each pair of its group and a cutoff."""
    window_key = (feature.by, feature.column, ago, feature.on)
    if feature.how == "sum":
        return view.window_sum(*window_key)
    count, strength, moments = (
        view.window_count(*window_key),
        feature.shrinkage,
        view.lookup_keys(feature.by).pairs.cutoff_codes,
    )
    if feature.how == "count":
        return count if not strength else _shrunk_count(count, strength, view.mean_window_count(*window_key)[moments])
    total = view.window_sum(*window_key)
    if strength:
        ungrouped_key = ((), *window_key[1:])
        usual = ratio(view.window_sum(*ungrouped_key), view.window_count(*ungrouped_key))
        total += (strength * usual)[moments]
        count += strength
    return ratio(total, count)


def _shrunk_count(count: Floats, strength: float, usual: Floats) -> Floats:
    """Return the mean of a Poisson rate's posterior: `strength` rows seen beforehand, at the usual group's rate."""
    return np.where(np.isnan(usual), 0.0, (count + strength) * usual / (usual + strength))
