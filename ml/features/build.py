"""Computation of all declared features: first lookups, by table and grouping, then ratios and functions in order."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd

from ml.features import lookups, point_in_time, rows
from ml.features.point_in_time import AsOfView, Entities, TableIndex
from ml.features.rows import Functions
from ml.ingestion.availability import KNOWN_AT, NIGHT
from ml.usecase import AsOf, Column, Feature, Function, Live, Lookup, Night, Ratio, Since, Text, UseCase, Window
from ml.usecase.features import title

ENTITY, CUTOFF = "entity", "cutoff"
Histories = Mapping[str, TableIndex]
Timer = Callable[[str], AbstractContextManager[object]]


def build(
    use_case: UseCase,
    functions: Functions,
    entities: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    horizon: Night | Live | None = None,
    timer: Timer = nullcontext,
) -> pd.DataFrame:
    """Return one row per entity: its id, night and cutoff (UTC), and each feature at `horizon` as float64 or category.

    `entities` has the typed columns of the entity table. Each frame of `tables` has the columns of its table and a
    column known_at (UTC). The default `horizon` is that of `use_case`. The work for one declaration runs inside
    `timer(title)`, so that a caller with a clock can measure it. Shared work, such as the grouping of a table, is part
    of the first declaration that needs it.
    """
    horizon = horizon or use_case.horizon
    if not entities.index.equals(pd.RangeIndex(len(entities))):
        entities = entities.reset_index(drop=True)
    cutoffs, declared = rows.cutoffs(use_case, horizon, entities), use_case.features_at(horizon)
    made = _build_columns(declared, use_case, functions, Entities(entities, cutoffs), tables, timer)
    columns: dict[str, pd.Series] = {}
    for feature in declared:
        with timer(title(feature)):
            columns |= {name: _typed(made[name]) for name in feature.outputs}
    ids = entities[ENTITY] if ENTITY in entities else rows.entity_ids(use_case, entities)
    night = rows.to_text(entities[use_case.night_column])
    return pd.DataFrame({ENTITY: ids, NIGHT: night, CUTOFF: rows.instants(cutoffs), **columns}, copy=False)


def _build_columns(
    declared: tuple[Feature, ...],
    use_case: UseCase,
    functions: Functions,
    entities: Entities,
    tables: Mapping[str, pd.DataFrame],
    timer: Timer,
) -> dict[str, pd.Series]:
    """Return the columns of the entities and of all features."""
    histories = {name: TableIndex(table, KNOWN_AT, use_case.table(name).event_time) for name, table in tables.items()}
    made: dict[str, pd.Series] = {str(name): column for name, column in entities.rows.items()}
    made |= _look_up_all(declared, histories, entities, timer)
    views = {name: AsOfView(history, entities) for name, history in histories.items()}
    for feature in declared:
        with timer(title(feature)):
            made |= _compute(feature, declared, functions, views, made)
    return made


def cutoffs_by_entity(use_case: UseCase, horizon: Night | Live, entities: pd.DataFrame) -> pd.Series:
    """Return the cutoff (UTC) of each of `entities`, which have their ids, by id; missing without an instant."""
    seconds = rows.cutoffs(use_case, horizon, entities.reset_index(drop=True))
    return rows.instants(seconds).set_axis(entities[ENTITY])


def lookups_at_event(use_case: UseCase, entities: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return each looked-up column as of the time of the entity's own event, where it became known after the cutoff.

    Values that were known by the cutoff are missing. The rows are in the order of `entities`. Only the leak alarm uses
    this.
    """
    entities = entities.reset_index(drop=True)
    event_time = use_case.table(use_case.entities).event_time
    columns: dict[str, pd.Series] = {}
    for feature in use_case.model_features:
        if isinstance(feature, AsOf) and event_time is not None:
            cutoffs, table = rows.cutoffs(use_case, use_case.horizon, entities), tables[feature.table]
            event_seconds = np.maximum(point_in_time.seconds(entities[event_time]), cutoffs)
            with_known_at = replace(feature, columns=(*feature.columns, KNOWN_AT))
            event_column = str(use_case.table(feature.table).event_time)
            values = lookups.as_of(
                with_known_at,
                AsOfView(TableIndex(table, event_column, event_column), Entities(entities, event_seconds)),
            )
            later = point_in_time.seconds(values[KNOWN_AT]) > cutoffs
            columns |= {name: values[name].where(later) for name in feature.columns}
    return pd.DataFrame(columns, index=entities.index)


def _look_up_all(
    features: tuple[Feature, ...], histories: Histories, entities: Entities, timer: Timer
) -> dict[str, pd.Series]:
    """Return the columns of all lookups, sorted by grouping, because a `TableIndex` keeps one grouping at a time."""
    columns: dict[str, _ColumnBuffer] = {}
    declared = sorted((each for each in features if isinstance(each, Lookup)), key=_grouping)
    for (table, _), group in groupby(declared, key=_grouping):
        group_features = list(group)
        for view in (AsOfView(histories[table], chunk) for chunk in entities.chunks):
            for feature in group_features:
                with timer(title(feature)):
                    for name, part in lookups.look_up(feature, view).items():
                        columns.setdefault(name, _ColumnBuffer(len(entities.rows))).append(part)
    return {name: column.to_series() for name, column in columns.items()}


class _ColumnBuffer:
    """A column that is computed in chunks; numbers are written into the final array, to be in memory only once."""

    def __init__(self, size: int) -> None:
        self._numbers, self._filled, self._others = np.empty(size), 0, list[pd.Series]()

    def append(self, part: pd.Series) -> None:
        if part.dtype == np.float64:
            self._numbers[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
        else:
            self._others.append(part)

    def to_series(self) -> pd.Series:
        return pd.concat(self._others) if self._others else pd.Series(self._numbers, copy=False)


def _grouping(feature: Lookup) -> tuple[str, tuple[str, ...]]:
    return feature.table, feature.by


def _compute(
    feature: Feature,
    declared: tuple[Feature, ...],
    functions: Functions,
    views: Mapping[str, AsOfView],
    made: Mapping[str, pd.Series],
) -> dict[str, pd.Series]:
    match feature:
        case Function(name):
            return {name: rows.call_feature(functions[name], made)}
        case Ratio(name):
            return {name: _ratio(feature, declared, views, made)}
        case Column() | Text() | AsOf() | Window() | Since():
            return {}


def _ratio(
    feature: Ratio, declared: tuple[Feature, ...], views: Mapping[str, AsOfView], made: Mapping[str, pd.Series]
) -> "pd.Series[float]":
    numerator, denominator = (
        made[name].to_numpy().astype(np.float64) for name in (feature.numerator, feature.denominator)
    )
    if feature.shrinkage:
        windows = {name: each for each in declared if isinstance(each, Window) for name in each.outputs}
        above, below = (
            lookups.overall(windows[name], name, views[windows[name].table])
            for name in (feature.numerator, feature.denominator)
        )
        numerator, denominator = (
            numerator + feature.shrinkage * point_in_time.ratio(above, below),
            denominator + feature.shrinkage,
        )
    return pd.Series(point_in_time.ratio(numerator, denominator), made[feature.numerator].index)


def _typed(column: pd.Series) -> pd.Series:
    """Return a feature as float64 or category; booleans, also an object column of them with missing values, as 1 and 0."""
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        column = column.astype("boolean")
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column if column.dtype == np.float64 else column.astype(np.float64)
    return column.astype("category")
