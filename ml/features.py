"""Features as of a cutoff: declarations in, one typed frame out.

Point-in-time by construction: a lookup reads only rows with `known_at <= cutoff`. Windows are prefix sums over rows
sorted by group and time, found by binary search: O((rows + entities) log rows), no row is visited per entity.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers
from ml.arrival import KNOWN_AT, NIGHT
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
    made: dict[str, pd.Series] = {}
    for feature in use_case.features:
        made |= _make(feature, use_case, functions, entities, cutoffs, tables, made)
    columns = {name: _typed(made[name]) for name in use_case.feature_names}
    night = entities[_night_column(use_case)]
    return pd.DataFrame({ENTITY: entity_ids(use_case, entities), NIGHT: night.dt.strftime("%Y-%m-%d"), **columns})


def at_event(use_case: UseCase, entities: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.Series]:
    """Return each looked-up column as it stood at the entity's own time of event, where only the future knew it.

    For the leak alarm alone: values that were known by the cutoff are missing here. Same order as `entities`.
    """
    entities = entities.reset_index(drop=True)
    event_time = use_case.table(use_case.entities).event_time
    if event_time is None:
        return {}
    cutoffs, events = _cutoffs(use_case, entities), _seconds(entities[event_time])
    found: dict[str, pd.Series] = {}
    for feature in use_case.features:
        if isinstance(feature, AsOf):
            clock = use_case.table(feature.table).event_time
            assert clock is not None
            seen = tables[feature.table].assign(**{KNOWN_AT: tables[feature.table][clock]})
            later = seen[_seconds(tables[feature.table][KNOWN_AT]) > cutoffs.min()]
            found |= as_of(feature, clock, entities, np.maximum(events, cutoffs), later)
    return found


def entity_ids(use_case: UseCase, rows: pd.DataFrame) -> pd.Series:
    """Return the id of each row's entity: the entity table's key, joined by `|`."""
    parts = [_text(rows[name]) for name in use_case.table(use_case.entities).key]
    return parts[0].str.cat(parts[1:], sep="|")


def call(function: Callable[..., "pd.Series[float]"], rows: pd.DataFrame) -> "pd.Series[float]":
    """Return what a row-level `function` makes of the columns that its parameters name."""
    return function(**{name: rows[name] for name in inspect.signature(function).parameters})


def _text(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        return column.astype("Int64").astype(str)
    return column.astype(str)


def _night_column(use_case: UseCase) -> str:
    name = use_case.table(use_case.entities).night
    assert name is not None
    return name


def _cutoffs(use_case: UseCase, entities: pd.DataFrame) -> Integers:
    """Return each entity's cutoff in seconds since 1970 (int64)."""
    nights = entities[_night_column(use_case)]
    seconds = {night: int(use_case.horizon.cutoff(_day(night)).timestamp()) for night in nights.unique()}
    return nights.map(seconds).to_numpy(np.int64)


def _day(night: pd.Timestamp) -> date:
    return night.date()


def _make(
    feature: Feature,
    use_case: UseCase,
    functions: Functions,
    entities: pd.DataFrame,
    cutoffs: Integers,
    tables: Mapping[str, pd.DataFrame],
    made: Mapping[str, pd.Series],
) -> dict[str, pd.Series]:
    match feature:
        case Column(name):
            return {name: entities[name]}
        case Function(name):
            return {name: call(functions[name], entities.assign(**made))}
        case AsOf():
            event_time = use_case.table(feature.table).event_time
            assert event_time is not None
            return as_of(feature, event_time, entities, cutoffs, tables[feature.table])
        case Window():
            return window(feature, entities, cutoffs, tables[feature.table])


def as_of(
    feature: AsOf, event_time: str, entities: pd.DataFrame, cutoffs: Integers, table: pd.DataFrame
) -> dict[str, pd.Series]:
    """Return the columns of the latest row, by event time, that each entity's group knows at its cutoff."""
    timeline = _timeline(table, entities, feature.by)
    events = _seconds(table[event_time])[timeline.order]
    latest = _latest(timeline.groups, events)
    last = timeline.until(cutoffs) - 1
    found = last >= timeline.until(np.full_like(cutoffs, timeline.start - 1))
    position = latest[np.maximum(last, 0)] if len(latest) else np.zeros(len(entities), np.int64)
    fresh = found & (events[position] >= cutoffs - feature.within_hours * 3600) if len(latest) else found
    rows = timeline.order[position] if len(latest) else position
    picked = {name: table[name].take(rows) if len(table) else table[name].reindex(rows) for name in feature.columns}
    return {name: column.set_axis(entities.index).where(fresh) for name, column in picked.items()}


def _latest(groups: Integers, events: Integers) -> Integers:
    """Return, for each position of a timeline, that of the latest event of its group so far."""
    if not len(events):
        return np.zeros(0, np.int64)
    span = int(events.max() - events.min()) + 1
    ranked = groups * span + (events - events.min())
    return np.maximum.accumulate(np.where(ranked == np.maximum.accumulate(ranked), np.arange(len(ranked)), 0))


def window(feature: Window, entities: pd.DataFrame, cutoffs: Integers, table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the statistic over `(cutoff - days, cutoff]` of what each entity's group came to know, one per length."""
    known = table[table[feature.of].notna()]
    grouped = _Sums.of(known, entities, feature.by, feature.of)
    everything = _Sums.of(known, entities, (), feature.of)
    columns = {}
    for name, days in zip(feature.outputs, feature.days, strict=True):
        total, count = grouped.between(cutoffs - days * 86_400, cutoffs)
        if feature.how == "mean" and feature.shrinkage:
            all_total, all_count = everything.between(cutoffs - days * 86_400, cutoffs)
            total = total + feature.shrinkage * _ratio(all_total, all_count)
            count = count + feature.shrinkage
        values = {"mean": _ratio(total, count), "sum": total, "count": count}[feature.how]
        columns[name] = pd.Series(values, index=entities.index)
    return columns


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


@dataclass(frozen=True, slots=True)
class _Timeline:
    """A table's rows sorted by group and by the second they became known, and each entity's group."""

    order: Integers
    groups: Integers
    keys: Integers
    entity_groups: Integers
    start: int
    span: int

    def until(self, seconds: Integers) -> Integers:
        """Return how many rows sort at or before each entity's group and second: one past the last one known."""
        offset = np.clip(seconds - self.start, -1, self.span - 2) + 1
        return np.searchsorted(self.keys, self.entity_groups * self.span + offset, side="right").astype(np.int64)


def _timeline(table: pd.DataFrame, entities: pd.DataFrame, by: tuple[str, ...]) -> _Timeline:
    known = _seconds(table[KNOWN_AT])
    groups, entity_groups = _groups(table, entities, by)
    start = int(known.min()) if len(known) else 0
    span = (int(known.max()) - start if len(known) else 0) + 3
    keys = groups * span + (known - start) + 1
    order = np.argsort(keys, kind="stable")
    return _Timeline(order, groups[order], keys[order], entity_groups, start, span)


def _groups(table: pd.DataFrame, entities: pd.DataFrame, by: tuple[str, ...]) -> tuple[Integers, Integers]:
    """Return one integer per row of `table` and per row of `entities`, equal where all columns `by` are equal."""
    codes = np.zeros(len(table) + len(entities), np.int64)
    for name in by:
        level, levels = pd.factorize(pd.concat([table[name].astype(str), entities[name].astype(str)]))
        codes = codes * (len(levels) + 1) + level
        codes = pd.factorize(codes)[0].astype(np.int64)
    return codes[: len(table)], codes[len(table) :]


def _seconds(instants: pd.Series) -> Integers:
    """Return UTC instants as whole seconds since 1970, rounded up: a row is never known early."""
    nanoseconds = instants.dt.as_unit("ns").to_numpy("datetime64[ns]").astype(np.int64)
    return -(-nanoseconds // 1_000_000_000)


@dataclass(frozen=True, slots=True)
class _Sums:
    timeline: _Timeline
    totals: Floats

    @classmethod
    def of(cls, table: pd.DataFrame, entities: pd.DataFrame, by: tuple[str, ...], of: str) -> "_Sums":
        timeline = _timeline(table, entities, by)
        values = table[of].to_numpy(np.float64)[timeline.order]
        return cls(timeline, np.concatenate(([0.0], np.cumsum(values))))

    def between(self, after: Integers, until: Integers) -> tuple[Floats, Floats]:
        """Return sum and count of each entity's group over the seconds `(after, until]`."""
        low, high = self.timeline.until(after), self.timeline.until(until)
        return self.totals[high] - self.totals[low], (high - low).astype(np.float64)


def _typed(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(np.float64)
    return column.astype("category")
