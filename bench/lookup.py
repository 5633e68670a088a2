"""One entity's features, asked for by a server: from the snapshot, a plain dict, and Feast's online store on SQLite.

The flagship's entities of one night, all its features; the three answers are compared before any clock is read.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import homes
from include.steps.context import StepContext

USE_CASE, HISTORY, NIGHT = "flights", "2013-01-01..2013-01-31", "2013-02-01"
ASKED, ASKED_OF_FEAST = 20_000, 300
BAR_MICROSECONDS = 20.0

Answer = dict[str, Any]


def run() -> dict[str, Any]:
    """Return the microseconds of each way at the median and the 99th percentile, and what a night costs to prepare."""
    with homes.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include.steps.features import build, materialize, parity
    from include.stores import feature_store

    case, settings = homes.taken(USE_CASE, HISTORY, NIGHT)
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

        def ask_feast(entity: str) -> Answer:
            found = store.get_online_features(pinned, [{"entity": entity}]).to_dict()
            return {name: values[0] for name, values in found.items() if name != "entity"}

        for entity in entities[:20]:
            assert _same(ask_feast(entity), answers[entity])
        ways: dict[str, tuple[Callable[[str], object], int]] = {
            "plain dict": (answers.__getitem__, ASKED),
            "snapshot": (snapshot.lookup, ASKED),
            "Feast, SQLite": (ask_feast, ASKED_OF_FEAST),
        }
        microseconds = {name: _quantiles(ask, entities, count) for name, (ask, count) in ways.items()}
    _show(microseconds)
    return {
        "entities": len(entities),
        "features": len(service.types),
        "bar_p50_us": BAR_MICROSECONDS,
        "microseconds": microseconds,
        "seconds": seconds,
    }


def _same(found: Answer, expected: Answer) -> bool:
    missing = {name for name, value in expected.items() if value is None or value != value}
    return all(found[name] is None if name in missing else found[name] == expected[name] for name in expected)


def _quantiles(ask: Callable[[str], object], entities: list[str], count: int) -> dict[str, float]:
    """Return the quantiles over `count` questions, each for another entity, in an order of its own."""
    order = [entities[n] for n in np.random.default_rng(2013).integers(len(entities), size=count)]
    taken = np.empty(count)
    for n, entity in enumerate(order):
        started = time.perf_counter()
        ask(entity)
        taken[n] = time.perf_counter() - started
    return {name: round(float(np.quantile(taken, q)) * 1e6, 2) for name, q in (("p50", 0.5), ("p99", 0.99))}


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return round(time.perf_counter() - started, 2)


def _show(microseconds: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"a look-up in µs (p50 ≤ {BAR_MICROSECONDS:g})", title_justify="left")
    for heading in ("way", "p50", "p99"):
        table.add_column(heading)
    for name, each in microseconds.items():
        table.add_row(name, *(f"{value:.2f}" for value in each.values()))
    Console().print(table)
