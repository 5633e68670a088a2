"""Lookup of one entity's features, as in a server: from the snapshot, a plain dict, and Feast's online store on SQLite.

It uses the flagship's entities of one night with all features. The three results are compared before the measurement.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import workspace
from include.steps.context import StepContext

USE_CASE, HISTORY, NIGHT = "flights", "2013-01-01..2013-01-31", "2013-02-01"
LOOKUPS, FEAST_LOOKUPS = 20_000, 300
BAR_MICROSECONDS = 20.0

Answer = dict[str, Any]


def run() -> dict[str, Any]:
    """Return the latency of each source (median and 99th percentile, in µs), and the seconds to prepare a night."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include.steps.features import build, materialize, parity
    from include.stores import feature_store

    case, settings = workspace.ingest(USE_CASE, HISTORY, NIGHT)
    seconds = {
        "apply": _seconds(lambda: materialize.apply(USE_CASE)),
        "materialize": _seconds(lambda: materialize.materialize(USE_CASE, NIGHT)),
        "parity": _seconds(lambda: parity.check(USE_CASE, NIGHT)),
    }
    rows = build.read(settings.lake, case, NIGHT, NIGHT).set_index("entity")
    moments = rows["cutoff"].iloc[:200]
    service, snapshot = (
        build.service(StepContext(case=case, settings=settings)),
        materialize.open_snapshot_store(StepContext(case=case, settings=settings)).snapshot,
    )
    seconds["historical retrieval of 200"] = _seconds(lambda: feature_store.historical(settings, service, moments))
    entities = list(rows.index)
    answers: dict[str, Answer] = {entity: snapshot.lookup(entity) or {} for entity in entities}
    with feature_store.registry.open_store(settings, USE_CASE) as store:
        pinned = store.get_feature_service(service.name)

        def look_up_in_feast(entity: str) -> Answer:
            columns = store.get_online_features(pinned, [{"entity": entity}]).to_dict()
            return {name: values[0] for name, values in columns.items() if name != "entity"}

        for entity in entities[:20]:
            assert _is_same(look_up_in_feast(entity), answers[entity])
        sources: dict[str, tuple[Callable[[str], object], int]] = {
            "plain dict": (answers.__getitem__, LOOKUPS),
            "snapshot": (snapshot.lookup, LOOKUPS),
            "Feast, SQLite": (look_up_in_feast, FEAST_LOOKUPS),
        }
        microseconds = {name: _quantiles(look_up, entities, count) for name, (look_up, count) in sources.items()}
    _show(microseconds)
    return {
        "entities": len(entities),
        "features": len(service.types),
        "bar_p50_us": BAR_MICROSECONDS,
        "microseconds": microseconds,
        "seconds": seconds,
    }


def _is_same(actual: Answer, expected: Answer) -> bool:
    missing = {name for name, value in expected.items() if value is None or value != value}
    return all(actual[name] is None if name in missing else actual[name] == expected[name] for name in expected)


def _quantiles(look_up: Callable[[str], object], entities: list[str], count: int) -> dict[str, float]:
    """Return quantiles of the latency over `count` lookups of randomly chosen entities, in µs."""
    order = [entities[n] for n in np.random.default_rng(2013).integers(len(entities), size=count)]
    seconds = np.empty(count)
    for n, entity in enumerate(order):
        started = time.perf_counter()
        look_up(entity)
        seconds[n] = time.perf_counter() - started
    return {name: round(float(np.quantile(seconds, q)) * 1e6, 2) for name, q in (("p50", 0.5), ("p99", 0.99))}


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return round(time.perf_counter() - started, 2)


def _show(microseconds: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"one lookup in µs (p50 ≤ {BAR_MICROSECONDS:g})", title_justify="left")
    for heading in ("source", "p50", "p99"):
        table.add_column(heading)
    for name, each in microseconds.items():
        table.add_row(name, *(f"{value:.2f}" for value in each.values()))
    Console().print(table)
