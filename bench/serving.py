"""One row over HTTP: our server's protocols beside its own no-op route, BentoML and `mlflow models serve`, in one run.

The same package, the flagship's, answers everywhere, and the answers are compared first. A client in a process of its own
keeps some connections busy, each with one request at a time (a closed loop); rounds alternate, and medians are taken. Where
wrk is installed, it asks too.
"""

import json
from contextlib import ExitStack
from statistics import median
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from bench import closed_loop, homes, rivals
from bench.closed_loop import Asked
from include.steps.context import StepContext

USE_CASE, HISTORY = "flights", "2013-01-01..2013-01-31"
BARS = {"throughput_to_noop": 0.7, "p99_to_noop": 3.0, "throughput_to_mlflow": 100.0, "throughput_to_bentoml": 10.0}
NOOP, ENTITY, ROW, BENTOML, MLFLOW = "no-op", "an entity", "a row, /invocations", "BentoML", "mlflow models serve"
_ROUNDS, _SECONDS, _CONNECTIONS = 3, 4.0, 8


def run() -> dict[str, Any]:
    """Return requests a second and latencies of each way, and their ratios, beside the bars."""
    with homes.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include import ports
    from include.steps.features import materialize

    case, settings = homes.taken(USE_CASE, HISTORY)
    night = HISTORY.rpartition("..")[2]
    digest, version = released(case, settings, night)
    materialize.apply(USE_CASE)
    materialize.materialize(USE_CASE, night)
    snapshot = materialize.open_snapshot_store(StepContext(case=case, settings=settings)).snapshot
    entity = next(iter(snapshot.row_index))
    known = snapshot.lookup(entity) or {}
    row = {name: None if value != value else value for name, value in known.items() if name in case.feature_names}
    frame = json.dumps({"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}).encode()
    port, at_mlflow, at_bentoml = (ports.free_port("127.0.0.1") for _ in range(3))
    asked = {
        NOOP: Asked(port=port, path="/healthz", method="GET"),
        ENTITY: Asked(port=port, path="/score", body=json.dumps({"entities": [entity]}).encode()),
        ROW: Asked(port=port, path="/invocations", body=frame),
        BENTOML: Asked(port=at_bentoml, path="/score", body=json.dumps({"row": row}).encode()),
        MLFLOW: Asked(port=at_mlflow, path="/invocations", body=frame),
    }
    with ExitStack() as running:
        running.enter_context(rivals.ours(port, USE_CASE))
        running.enter_context(rivals.mlflow(at_mlflow, USE_CASE, version, settings))
        running.enter_context(rivals.bentoml(at_bentoml, digest, settings))
        scores = {name: _score(each) for name, each in asked.items() if name != NOOP}
        assert np.ptp(list(scores.values())) < 1e-9, scores
        told = _rounds(asked)
        by_wrk = {name: closed_loop.wrk(each, _CONNECTIONS, _SECONDS) for name, each in asked.items()}
    _show(told)
    return {"package": digest, "scores": scores, "bars": BARS, "ways": told, "ratios": _ratios(told), "wrk": by_wrk}


def _rounds(asked: dict[str, Asked]) -> dict[str, dict[str, float]]:
    """Return what was measured of each way, in rounds that alternate."""
    rounds: dict[str, list[tuple[dict[str, float], dict[str, float]]]] = {name: [] for name in asked}
    for _ in range(_ROUNDS):
        for name, each in asked.items():
            rounds[name].append((closed_loop.ours(each, _CONNECTIONS, _SECONDS), closed_loop.ours(each, 1, _SECONDS)))
    return {name: _median(found) for name, found in rounds.items()}


def released(case: Any, settings: Any, night: str) -> tuple[str, str]:
    """Return the digest and the version of the flagship's trees, which servers are let answer with."""
    from dataclasses import replace

    from include import usecases
    from include.platform.local import setup
    from include.steps import train
    from include.stores import ledger, registry, routing_store, warehouse
    from ml.governance import ledger_entries
    from ml.governance.ledger_entries import EntryKind, Verdict
    from ml.rollout.routing import Routing
    from ml.usecase import GradientBoosting

    setup.make_folders(settings)
    setup.generate_secrets(settings)
    registry.prepare(settings)
    trees = tuple(each for each in case.candidates if isinstance(each, GradientBoosting))
    read, usecases.get = usecases.get, lambda _: replace(case, candidates=trees)
    try:
        train.train(USE_CASE, night, train.BOOTSTRAP)
    finally:
        usecases.get = read
    judged = ledger.entries(warehouse.engine(settings.warehouse_url), USE_CASE, EntryKind.JUDGED)[-1]
    routing_store.write(Routing(use_case=USE_CASE, seq=judged.seq, champion=judged.subject), settings)
    return judged.subject, str(ledger_entries.read(judged, Verdict).version)


def _score(asked: Asked) -> float:
    headers = {"content-type": "application/json"}
    address = f"http://127.0.0.1:{asked.port}{asked.path}"
    replied = httpx.request(asked.method, address, content=asked.body, headers=headers, timeout=60, trust_env=False)
    told = replied.raise_for_status().json()
    if isinstance(told, float):
        return told
    return float(told["answers"][0]["score"] if "answers" in told else told["predictions"][0])


def _median(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, float]:
    """Return the medians over rounds: with all connections, and of latency also with one."""
    many, one = ({name: median(each[n][name] for each in rounds) for name in rounds[0][n]} for n in (0, 1))
    return {**many, **{f"{name}_of_one": value for name, value in one.items()}}


def _ratios(told: dict[str, dict[str, float]]) -> dict[str, float]:
    ours = told[ENTITY]
    return {
        "throughput_to_noop": ours["per_second"] / told[NOOP]["per_second"],
        "p99_to_noop": ours["p99_ms"] / told[NOOP]["p99_ms"],
        "throughput_to_mlflow": ours["per_second"] / told[MLFLOW]["per_second"],
        "throughput_to_bentoml": ours["per_second"] / told[BENTOML]["per_second"],
    }


def _show(told: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"one row over HTTP, {_CONNECTIONS} connections, and one", title_justify="left")
    for heading in ("way", "requests/s", "p50 ms", "p99 ms", "p50 of one", "p99 of one"):
        table.add_column(heading)
    for name, each in told.items():
        values = (each[key] for key in ("per_second", "p50_ms", "p99_ms", "p50_ms_of_one", "p99_ms_of_one"))
        table.add_row(name, *(f"{value:,.2f}" for value in values))
    Console().print(table)
