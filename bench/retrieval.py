"""Feast's own historical retrieval beside ours: the same features of the same flights of a year, point in time.

Three meetings on one home. Both sides read the same Delta tables within the time, and end with a frame in memory; what
they find is equal to the last bit before any clock is read. Feast asks through its DuckDB store, which lost no row
elsewhere, and with its registry open and warm.

* a look-up: the last weather known at each flight's live cutoff, from the table of weather. Both can make it.
* a training set: all features of the night, already built. Ours meets the labels in the same time, Feast's does not.
* from the tables: ours builds all features of the night, windows too; Feast, which has no windows, gets them built.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from bench import homes
from include.steps.context import NightContext, StepContext

USE_CASE, YEAR, LAST = "flights", "2013-01-01..2013-12-31", date(2013, 12, 31)
BAR, ROUNDS = 20.0, 3
LOOKED_UP = "weather"

Frame = pd.DataFrame
Way = Callable[[], Frame]


def run() -> dict[str, Any]:
    """Return the seconds of both sides of each meeting, medians over rounds, and how many times ours goes into Feast's."""
    with homes.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include.steps.features import materialize
    from include.stores import feature_store

    case, settings = homes.taken(USE_CASE, YEAR)
    case = replace(case, live=None)
    materialize.apply(USE_CASE)
    met = {}
    with feature_store.registry.open_store(settings, USE_CASE) as store:
        for name, meeting in (("a look-up", _look_up), ("a training set", _training_set), ("from the tables", _build)):
            ours, feasts, names = meeting(store, settings)
            met[name] = _meet(ours, feasts, names)
    _show(met)
    return {"bar_ratio": BAR, "rounds": ROUNDS, "feature_count": len(case.feature_names), "meetings": met}


def _look_up(store: Any, settings: Any) -> tuple[Way, Way, list[str]]:
    """Return both ways to the last row of one table that is known at each entity's own live cutoff."""
    from feast import Entity, FeatureView, Field
    from feast.data_format import DeltaFormat
    from feast.infra.offline_stores.file_source import FileSource
    from feast.types import Float64
    from feast.value_type import ValueType

    from include import usecases
    from include.steps.features import build
    from include.stores import lake
    from ml import features as engine
    from ml.ingestion.availability import KNOWN_AT
    from ml.usecase import AsOf

    case = usecases.get(USE_CASE)
    [asked] = [each for each in case.features if isinstance(each, AsOf) and each.table == LOOKED_UP]
    [by] = asked.by
    apart = {"slices": (), "edge_cases": (), "fairness": None, "expectations": (), "baselines": ()}
    only = replace(case, features=(asked,), live=replace(case.live, features=()), **apart)
    tables = {name: build.valid_address(settings.lake, case, name) for name in (case.entities, LOOKED_UP)}
    flights = lake.read(tables[case.entities], columns=["entity", case.night_column, by, case.live.before])

    def ours() -> Frame:
        rows = lake.read(tables[LOOKED_UP])
        return engine.build(only, {}, flights, {LOOKED_UP: rows}, only.live).set_index("entity")

    place = Entity(name=by, join_keys=[by], value_type=ValueType.STRING)
    source = FileSource(name=LOOKED_UP, path=tables[LOOKED_UP], file_format=DeltaFormat(), timestamp_field=KNOWN_AT)
    known_after = case.table(LOOKED_UP).known_at.hours  # Feast counts from when a row is known, ours from its event
    view = FeatureView(
        name=LOOKED_UP,
        entities=[place],
        source=source,
        ttl=timedelta(hours=asked.within_hours + known_after),
        schema=[Field(name=name, dtype=Float64) for name in asked.columns],
    )
    store.apply([place, view])
    cutoffs = pd.to_datetime(flights[case.live.before], utc=True) - pd.Timedelta(hours=case.live.hours)
    question = flights[["entity", by]].assign(event_timestamp=cutoffs)
    names = list(asked.columns)

    def feasts() -> Frame:
        job = store.get_historical_features(question, [f"{LOOKED_UP}:{name}" for name in names])
        return job.to_df().set_index("entity")

    return ours, feasts, names


def _training_set(store: Any, settings: Any) -> tuple[Way, Way, list[str]]:
    """Return both ways from built features to the rows that a model of the last night learns from."""
    from include import usecases
    from include.steps.features import training_set
    from include.stores import table_snapshot

    case = usecases.get(USE_CASE)

    def ours() -> Frame:
        return training_set.read(
            NightContext(case=case, night=LAST, settings=settings), table_snapshot.take(case, settings)
        ).frame.set_index("entity")

    return ours, _built(store, settings, ours()), list(case.feature_names)


def _build(store: Any, settings: Any) -> tuple[Way, Way, list[str]]:
    """Return our way from valid tables to all features, and Feast's from built ones."""
    from include import usecases
    from include.steps.features import build
    from include.stores import lake
    from include.usecases import coherence
    from ml import features as engine
    from ml.usecase import Lookup

    case = usecases.get(USE_CASE)
    tables = sorted({each.table for each in case.features if isinstance(each, Lookup)})

    def ours() -> Frame:
        entities, *looked_up = (
            lake.read(build.valid_address(settings.lake, case, each)) for each in (case.entities, *tables)
        )
        found = engine.build(case, coherence.functions(case), entities, dict(zip(tables, looked_up, strict=True)))
        return found.set_index("entity")

    return ours, _built(store, settings, ours()), list(case.feature_names)


def _built(store: Any, settings: Any, rows: Frame) -> Way:
    """Return Feast's way to the built features of the entities of `rows` at their cutoffs."""
    from include import usecases
    from include.steps.features import build

    service = store.get_feature_service(build.service(StepContext(case=usecases.get(USE_CASE), settings=settings)).name)
    question = rows[["cutoff"]].reset_index().rename(columns={"cutoff": "event_timestamp"})
    return lambda: store.get_historical_features(question, service).to_df().set_index("entity")


def _meet(ours: Way, feasts: Way, names: list[str]) -> dict[str, Any]:
    mine, theirs = ours(), feasts()  # warms both
    rows = len(mine)
    _require_equal(mine, theirs, names)
    seconds = [(_seconds(ours), _seconds(feasts)) for _ in range(ROUNDS)]
    (our_wall, our_cpu), (their_wall, their_cpu) = (
        [round(float(median(each)), 3) for each in zip(*side, strict=True)] for side in zip(*seconds, strict=True)
    )
    return {
        "rows": rows,
        "features": len(names),
        "ours_seconds": our_wall,
        "feast_seconds": their_wall,
        "ours_cpu_seconds": our_cpu,
        "feast_cpu_seconds": their_cpu,
        "ratio": round(median(theirs[0] / ours[0] for ours, theirs in seconds), 1),
    }


def _require_equal(mine: Frame, theirs: Frame, names: list[str]) -> None:
    assert len(theirs) == len(mine), f"Feast returned {len(theirs)} rows of {len(mine)}"
    theirs = theirs.loc[mine.index]
    for name in names:
        here, there = mine[name], theirs[name]
        if pd.api.types.is_float_dtype(here.dtype):
            np.testing.assert_array_equal(here.to_numpy(), there.to_numpy(np.float64), err_msg=name)
        else:
            assert (here.astype(object).to_numpy() == there.astype(object).to_numpy()).all(), name


def _seconds(way: Way) -> tuple[float, float]:
    """Return the seconds of a clock on the wall, and of the process on all cores."""
    wall, cpu = time.perf_counter(), time.process_time()
    way()
    return time.perf_counter() - wall, time.process_time() - cpu


def _show(met: dict[str, dict[str, Any]]) -> None:
    table = Table(title="the same features of a year's flights, in seconds", title_justify="left")
    for heading in ("meeting", "rows", "features", "ours", "Feast", "ratio"):
        table.add_column(heading)
    for name, each in met.items():
        shown = (each["rows"], each["features"], each["ours_seconds"], each["feast_seconds"], f"{each['ratio']}x")
        table.add_row(name, *map(str, shown))
    Console().print(table)
