"""Point-in-time retrieval of the same features for a year of flights: Feast's historical retrieval and Ratchet's.

There are three comparisons on one home. Both sides read the same Delta tables within the measured time, and end with a
frame in memory. Their results are compared first, and are equal to the last bit. Feast uses its DuckDB offline store,
which lost no row in earlier measurements, and its registry is open and warm.

* a look-up: the last weather known at each flight's live cutoff, from the weather table. Both sides compute it.
* a training set: all features of the night, already built. Ratchet's time includes the join with the labels.
* from the tables: Ratchet builds all features of the night, including windows. Feast has no windows, and gets built
  features.
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

from bench import workspace
from include.steps.context import NightContext, StepContext

USE_CASE, YEAR, LAST = "flights", "2013-01-01..2013-12-31", date(2013, 12, 31)
BAR, ROUNDS = 20.0, 3
LOOKED_UP = "weather"

Frame = pd.DataFrame
Retrieval = Callable[[], Frame]


def run() -> dict[str, Any]:
    """Return the seconds of both sides of each comparison (medians over rounds), and the ratio of Feast's to ours."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include.steps.features import materialize
    from include.stores import feature_store

    case, settings = workspace.ingest(USE_CASE, YEAR)
    case = replace(case, horizons=(case.schedule,))
    materialize.apply(USE_CASE)
    measured = {}
    with feature_store.registry.open_store(settings, USE_CASE) as store:
        comparisons = (("a look-up", _look_up), ("a training set", _training_set), ("from the tables", _build))
        for name, comparison in comparisons:
            ours, feasts, names = comparison(store, settings)
            measured[name] = _compare(ours, feasts, names)
    _show(measured)
    return {"bar_ratio": BAR, "rounds": ROUNDS, "feature_count": len(case.feature_names), "meetings": measured}


def _look_up(store: Any, settings: Any) -> tuple[Retrieval, Retrieval, list[str]]:
    """Return both retrievals of the last row of one table that is known at each entity's live cutoff."""
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
    [feature] = [each for each in case.features if isinstance(each, AsOf) and each.table == LOOKED_UP]
    [by] = feature.by
    removed = {"slices": (), "edge_cases": (), "fairness": None, "expectations": (), "baselines": ()}
    [live] = case.lives
    only = replace(case, features=(feature,), horizons=(case.schedule, replace(live, features=())), **removed)
    tables = {name: build.valid_address(settings.lake, case, name) for name in (case.entities, LOOKED_UP)}
    flights = lake.read(tables[case.entities], columns=["entity", case.night_column, by, live.before])

    def ours() -> Frame:
        rows = lake.read(tables[LOOKED_UP])
        return engine.build(only, {}, flights, {LOOKED_UP: rows}, live).set_index("entity")

    entity = Entity(name=by, join_keys=[by], value_type=ValueType.STRING)
    source = FileSource(name=LOOKED_UP, path=tables[LOOKED_UP], file_format=DeltaFormat(), timestamp_field=KNOWN_AT)
    known_after = case.table(LOOKED_UP).known_at.hours  # Feast counts from when a row is known, Ratchet from its event
    view = FeatureView(
        name=LOOKED_UP,
        entities=[entity],
        source=source,
        ttl=timedelta(hours=feature.within_hours + known_after),
        schema=[Field(name=name, dtype=Float64) for name in feature.columns],
    )
    store.apply([entity, view])
    cutoffs = pd.to_datetime(flights[live.before], utc=True) - pd.Timedelta(hours=live.hours)
    question = flights[["entity", by]].assign(event_timestamp=cutoffs)
    names = list(feature.columns)

    def feasts() -> Frame:
        job = store.get_historical_features(question, [f"{LOOKED_UP}:{name}" for name in names])
        return job.to_df().set_index("entity")

    return ours, feasts, names


def _training_set(store: Any, settings: Any) -> tuple[Retrieval, Retrieval, list[str]]:
    """Return both retrievals of the training rows of a model of the last night, from built features."""
    from include import usecases
    from include.steps.features import training_set
    from include.stores import table_snapshot

    case = usecases.get(USE_CASE)

    def ours() -> Frame:
        return training_set.read(
            NightContext(case=case, night=LAST, settings=settings), table_snapshot.take(case, settings)
        ).frame.set_index("entity")

    return ours, _built(store, settings, ours()), list(case.feature_names)


def _build(store: Any, settings: Any) -> tuple[Retrieval, Retrieval, list[str]]:
    """Return our computation of all features from valid tables, and Feast's retrieval of built ones."""
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
        built = engine.build(case, coherence.functions(case), entities, dict(zip(tables, looked_up, strict=True)))
        return built.set_index("entity")

    return ours, _built(store, settings, ours()), list(case.feature_names)


def _built(store: Any, settings: Any, rows: Frame) -> Retrieval:
    """Return Feast's retrieval of the built features of the entities of `rows` at their cutoffs."""
    from include import usecases
    from include.steps.features import build

    service = store.get_feature_service(build.service(StepContext(case=usecases.get(USE_CASE), settings=settings)).name)
    question = rows[["cutoff"]].reset_index().rename(columns={"cutoff": "event_timestamp"})
    return lambda: store.get_historical_features(question, service).to_df().set_index("entity")


def _compare(ours: Retrieval, feasts: Retrieval, names: list[str]) -> dict[str, Any]:
    our_frame, feast_frame = ours(), feasts()  # also warms both up
    rows = len(our_frame)
    _require_equal(our_frame, feast_frame, names)
    seconds = [(_seconds(ours), _seconds(feasts)) for _ in range(ROUNDS)]
    (our_wall, our_cpu), (feast_wall, feast_cpu) = (
        [round(float(median(each)), 3) for each in zip(*side, strict=True)] for side in zip(*seconds, strict=True)
    )
    return {
        "rows": rows,
        "features": len(names),
        "ours_seconds": our_wall,
        "feast_seconds": feast_wall,
        "ours_cpu_seconds": our_cpu,
        "feast_cpu_seconds": feast_cpu,
        "ratio": round(median(feast_pair[0] / our_pair[0] for our_pair, feast_pair in seconds), 1),
    }


def _require_equal(ours: Frame, feasts: Frame, names: list[str]) -> None:
    assert len(feasts) == len(ours), f"expected {len(ours)} rows from Feast, got {len(feasts)}"
    feasts = feasts.loc[ours.index]
    for name in names:
        expected, actual = ours[name], feasts[name]
        if pd.api.types.is_float_dtype(expected.dtype):
            np.testing.assert_array_equal(expected.to_numpy(), actual.to_numpy(np.float64), err_msg=name)
        else:
            assert (expected.astype(object).to_numpy() == actual.astype(object).to_numpy()).all(), name


def _seconds(retrieval: Retrieval) -> tuple[float, float]:
    """Return wall-clock seconds, and CPU seconds of the process on all cores."""
    wall, cpu = time.perf_counter(), time.process_time()
    retrieval()
    return time.perf_counter() - wall, time.process_time() - cpu


def _show(measured: dict[str, dict[str, Any]]) -> None:
    table = Table(title="the same features of a year's flights, in seconds", title_justify="left")
    for heading in ("comparison", "rows", "features", "ours", "Feast", "ratio"):
        table.add_column(heading)
    for name, each in measured.items():
        shown = (each["rows"], each["features"], each["ours_seconds"], each["feast_seconds"], f"{each['ratio']}x")
        table.add_row(name, *map(str, shown))
    Console().print(table)
