"""What needs the rows of a table: each kind of lookup, made for all entities at once."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.features.point_in_time import Timeline, View, ratio
from ml.usecase import AsOf, Lookup, Since, Window

_HOUR_SECONDS = 3600


def look_up(feature: Lookup, view: View) -> dict[str, pd.Series]:
    """Return the feature's columns, one value for each of the view's entities."""
    match feature:
        case AsOf():
            return as_of(feature, view)
        case Window():
            return window(feature, view)
        case Since():
            return since(feature, view)


def as_of(feature: AsOf, view: View) -> dict[str, pd.Series]:
    """Return the columns of the latest row, by its second of event, that each entity's group knows at its cutoff."""
    history, asked, index = view.history, view.by(feature.by), view.entities.rows.index
    table, line = history.table, asked.line
    if not len(line.order):
        return {name: pd.Series(np.nan, index, dtype=table[name].dtype) for name in feature.columns}
    places, events = asked.until(), line.made("events", lambda: history.seconds("event_time")[line.order])
    latest = line.made("latest", lambda: line.latest(events))[places - 1]
    fresh = asked.knows(places) & (events[latest] >= asked.cutoffs - feature.within_hours * _HOUR_SECONDS)
    rows, seen = line.order[latest][asked.pairs.of], fresh[asked.pairs.of]
    return {name: table[name].take(rows).set_axis(index).where(seen) for name in feature.columns}


def window(feature: Window, view: View) -> dict[str, pd.Series]:
    """Return the statistic over `(cutoff - length, cutoff]` for each entity's group, one column for each length."""
    pair, index = view.by(feature.by).pairs.of, view.entities.rows.index
    return {
        name: pd.Series(_statistic(feature, view, ago)[pair], index, copy=False)
        for name, ago in feature.seconds.items()
    }


def overall(feature: Window, output: str, view: View) -> Floats:
    """Return what the window says at each entity's cutoff of all rows, whatever their group."""
    ago, everywhere = feature.seconds[output], replace(feature, by=(), shrinkage=0.0)
    return _statistic(everywhere, view, ago)[view.entities.moment]


def since(feature: Since, view: View) -> dict[str, pd.Series]:
    """Return the hours from the group's latest row, of those `where` says, to each entity's cutoff."""
    asked = view.by(feature.by, "known_at" if feature.on == "known_at" else "seen")
    [name], places = feature.outputs, asked.until()
    hours = np.full(len(places), np.nan)
    if len(asked.line.order):
        latest = asked.line.made(("latest", feature.on, feature.where), lambda: _latest(feature, view, asked.line))
        ago = (asked.cutoffs - latest[places - 1]) / _HOUR_SECONDS
        hours = np.where(asked.knows(places) & (ago <= feature.within_hours), ago, np.nan)
    return {name: pd.Series(hours[asked.pairs.of], view.entities.rows.index)}


def _latest(feature: Since, view: View, line: Timeline) -> Floats:
    """Return the second of the latest row that counts, of each place's group so far; long ago where there is none."""
    instants, counts = view.history.seconds(feature.on)[line.order], np.full(len(line.order), True)
    if feature.where is not None:
        counts = view.history.table[feature.where].to_numpy(np.float64, na_value=0.0)[line.order] > 0
    latest = line.latest(np.where(counts, instants, instants.min() - 1))
    return np.where(counts[latest], instants[latest], -np.inf)


def _statistic(feature: Window, view: View, ago: int) -> Floats:
    """Return the window's value for each pair of its group and a cutoff."""
    asked = (feature.by, feature.of, ago, feature.on)
    if feature.how == "sum":
        return view.summed(*asked)
    count, strength, moments = view.counted(*asked), feature.shrinkage, view.by(feature.by).pairs.moments
    if feature.how == "count":
        return count if not strength else _drawn(count, strength, view.usual_count(*asked)[moments])
    total = view.summed(*asked)
    if strength:
        everywhere = ((), *asked[1:])
        usual = ratio(view.summed(*everywhere), view.counted(*everywhere))
        total += (strength * usual)[moments]
        count += strength
    return ratio(total, count)


def _drawn(count: Floats, strength: float, usual: Floats) -> Floats:
    """Return the mean of a Poisson rate's posterior: `strength` rows seen beforehand, at the usual group's rate."""
    return np.where(np.isnan(usual), 0.0, (count + strength) * usual / (usual + strength))
