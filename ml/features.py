"""Features as of a cutoff: declarations in, one typed frame out.

Point-in-time by construction: a lookup reads only rows with `known_at <= cutoff`, through a `timeline.View`.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ml import timeline
from ml.arrays import Floats, Integers
from ml.arrival import KNOWN_AT, NIGHT
from ml.timeline import DAY_SECONDS, View
from ml.usecase import AsOf, Column, Feature, Function, UseCase, Window

Functions = Mapping[str, Callable[..., "pd.Series[float]"]]

ENTITY = "entity"


def build(
    use_case: UseCase, functions: Functions, entities: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return one row per entity: its id, its night, and every declared feature as float64 or category.

    `entities` holds the entity table's columns, typed; each frame of `tables` its columns and `known_at` (UTC).
    """
    entities = entities.reset_index(drop=True)
    cutoffs = _cutoffs(use_case, entities)
    views = {name: View(rows, entities, timeline.seconds(rows[KNOWN_AT]), cutoffs) for name, rows in tables.items()}
    made: dict[str, pd.Series] = {str(name): column for name, column in entities.items()}
    for feature in use_case.features:
        made |= _make(feature, use_case, functions, views, made)
    columns = {name: _typed(made[name]) for name in use_case.feature_names}
    night = _text(entities[use_case.night_column])
    return pd.DataFrame({ENTITY: entity_ids(use_case, entities), NIGHT: night, **columns})


def at_event(use_case: UseCase, entities: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return each looked-up column as it stood at the entity's own time of event, where only the future knew it.

    For the leak alarm alone: values that were known by the cutoff are missing here. Same order as `entities`.
    """
    entities = entities.reset_index(drop=True)
    event_time = use_case.table(use_case.entities).event_time
    found: dict[str, pd.Series] = {}
    for feature in use_case.features:
        if isinstance(feature, AsOf) and event_time is not None:
            cutoffs, clock, rows = _cutoffs(use_case, entities), _clock(use_case, feature), tables[feature.table]
            moments = np.maximum(timeline.seconds(entities[event_time]), cutoffs)
            told = replace(feature, columns=(*feature.columns, KNOWN_AT))
            seen = as_of(told, clock, View(rows, entities, timeline.seconds(rows[clock]), moments))
            later = timeline.seconds(seen[KNOWN_AT]) > cutoffs
            found |= {name: seen[name].where(later) for name in feature.columns}
    return pd.DataFrame(found, index=entities.index)


def entity_ids(use_case: UseCase, rows: pd.DataFrame) -> pd.Series:
    """Return the id of each row's entity: the entity table's key, joined by `|`."""
    first, *others = (_text(rows[name]) for name in use_case.table(use_case.entities).key)
    for other in others:
        first = first + "|" + other
    return first


def call(
    function: Callable[..., "pd.Series[float]"], rows: Mapping[str, pd.Series] | pd.DataFrame
) -> "pd.Series[float]":
    """Return what a row-level `function` makes of the columns that its parameters name."""
    return function(**{name: rows[name] for name in inspect.signature(function).parameters})


def _text(column: pd.Series) -> pd.Series:
    """Return dates as ISO dates, whole numbers without a point, all else as it prints; each level is written once."""
    codes, levels = pd.factorize(column, use_na_sentinel=False)
    texts = np.array([_written(level) for level in levels], dtype=object)
    return pd.Series(texts[codes], column.index, dtype=object)


def _written(level: object) -> str:
    match level:
        case pd.Timestamp(tzinfo=None):
            return level.strftime("%Y-%m-%d")
        case float() if level.is_integer():
            return str(int(level))
        case _:
            return str(level).replace("\\", "\\\\").replace("|", "\\|")


def _cutoffs(use_case: UseCase, entities: pd.DataFrame) -> Integers:
    """Return each entity's cutoff in seconds since 1970 (int64)."""
    nights = entities[use_case.night_column]
    seconds = {night: int(use_case.horizon.cutoff(night.date()).timestamp()) for night in nights.unique()}
    return nights.map(seconds).to_numpy(np.int64)


def _clock(use_case: UseCase, feature: AsOf) -> str:
    """Return the column that says when the rows of the looked-up table happened; coherence has checked it is there."""
    return str(use_case.table(feature.table).event_time)


def _make(
    feature: Feature,
    use_case: UseCase,
    functions: Functions,
    views: Mapping[str, View],
    made: Mapping[str, pd.Series],
) -> dict[str, pd.Series]:
    match feature:
        case Column(name):
            return {name: made[name]}
        case Function(name):
            return {name: call(functions[name], made)}
        case AsOf():
            return as_of(feature, _clock(use_case, feature), views[feature.table])
        case Window():
            return window(feature, views[feature.table])


def as_of(feature: AsOf, event_time: str, view: View) -> dict[str, pd.Series]:
    """Return the columns of the latest row, by its second of event, that each entity's group knows at its cutoff."""
    table, line, index = view.table, view.by(feature.by), view.entities.index
    if table.empty:
        return {name: pd.Series(np.nan, index, dtype=table[name].dtype) for name in feature.columns}
    places = line.until()
    events = timeline.seconds(table[event_time])
    latest = line.order[line.latest(events[line.order])[places - 1]]
    fresh = line.knows(places) & (events[latest] >= line.asked_cutoffs - feature.within_hours * 3600)
    rows, seen = latest[line.asked], fresh[line.asked]
    return {name: table[name].take(rows).set_axis(index).where(seen) for name in feature.columns}


def window(feature: Window, view: View) -> dict[str, pd.Series]:
    """Return the statistic over `(cutoff - days, cutoff]` of what each entity's group came to know, one per length."""
    columns = {}
    for name, days in zip(feature.outputs, feature.days, strict=True):
        total, count = view.gathered(feature.by, feature.of, days * DAY_SECONDS)
        if feature.how == "mean" and feature.shrinkage:
            total = total + feature.shrinkage * _ratio(*view.gathered((), feature.of, days * DAY_SECONDS))
            count = count + feature.shrinkage
        values = {"mean": _ratio(total, count), "sum": total, "count": count}[feature.how]
        columns[name] = pd.Series(values, index=view.entities.index)
    return columns


def _ratio(total: Floats, count: Floats) -> Floats:
    ratio: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return ratio


def _typed(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(np.float64)
    return column.astype("category")
