"""The kinds of lookups in the rows of a table, each computed for all entities at once."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.features.point_in_time import AsOfView, Timeline, ratio
from ml.usecase import AsOf, Lookup, Since, Window

_HOUR_SECONDS = 3600


def look_up(feature: Lookup, view: AsOfView) -> dict[str, pd.Series]:
    """Return the columns of `feature`, with one value for each entity of `view`."""
    match feature:
        case AsOf():
            return as_of(feature, view)
        case Window():
            return window(feature, view)
        case Since():
            return since(feature, view)


def as_of(feature: AsOf, view: AsOfView) -> dict[str, pd.Series]:
    """Return the columns of the latest row, by event time, that is known at the cutoff in each entity's group."""
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
    """Return the value of the window column `output` over the rows of all groups, at each entity's cutoff."""
    ago, everywhere = feature.lookback_seconds[output], replace(feature, by=(), shrinkage=0.0)
    return _statistic(everywhere, view, ago)[view.entities.cutoff_codes]


def since(feature: Since, view: AsOfView) -> dict[str, pd.Series]:
    """Return the hours from the latest row of the group for which `condition` holds to each entity's cutoff."""
    keys = view.lookup_keys(feature.by, "known_at" if feature.on == "known_at" else "effective")
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
    """Return, for each position, the second of its group's latest row that meets the condition, or -inf."""
    instants, counts = view.table_index.seconds(feature.on)[line.order], np.full(len(line.order), True)
    if feature.condition is not None:
        counts = view.table_index.table[feature.condition].to_numpy(np.float64, na_value=0.0)[line.order] > 0
    latest = line.latest(np.where(counts, instants, instants.min() - 1))
    return np.where(counts[latest], instants[latest], -np.inf)


def _statistic(feature: Window, view: AsOfView, ago: int) -> Floats:
    """Return the value of the window for each pair of group and cutoff."""
    window_key = (feature.by, feature.column, ago, feature.on)
    if feature.how == "sum":
        return view.window_sum(*window_key)
    count, strength, cutoff_codes = (
        view.window_count(*window_key),
        feature.shrinkage,
        view.lookup_keys(feature.by).pairs.cutoff_codes,
    )
    if feature.how == "count":
        return (
            count if not strength else _shrunk_count(count, strength, view.mean_window_count(*window_key)[cutoff_codes])
        )
    total = view.window_sum(*window_key)
    if strength:
        ungrouped_key = ((), *window_key[1:])
        usual = ratio(view.window_sum(*ungrouped_key), view.window_count(*ungrouped_key))
        total += (strength * usual)[cutoff_codes]
        count += strength
    return ratio(total, count)


def _shrunk_count(count: Floats, strength: float, usual: Floats) -> Floats:
    """Return the posterior mean of a Poisson count; the prior is worth `strength` rows at the `usual` count."""
    return np.where(np.isnan(usual), 0.0, (count + strength) * usual / (usual + strength))
