"""One row over HTTP: Ratchet's server compared with its own no-op route, BentoML and `mlflow models serve`.

All servers use the same package of the flagship, and their scores are compared first. A client in a separate process
keeps several connections busy, each with one request at a time (a closed loop). Rounds alternate between the servers,
and the results are medians. If wrk is installed, it measures too.
"""

import json
from contextlib import ExitStack
from statistics import median
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from bench import closed_loop, servers, workspace
from bench.closed_loop import Request
from include.steps.context import StepContext

USE_CASE, HISTORY = "flights", "2013-01-01..2013-01-31"
BARS = {"throughput_to_noop": 0.7, "p99_to_noop": 3.0, "throughput_to_mlflow": 100.0, "throughput_to_bentoml": 10.0}
NOOP, ENTITY, ROW, BENTOML, MLFLOW = "no-op", "an entity", "a row, /invocations", "BentoML", "mlflow models serve"
_ROUNDS, _SECONDS, _CONNECTIONS = 3, 4.0, 8


def run() -> dict[str, Any]:
    """Return requests per second and latencies of each server, their ratios, and the bars."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include import ports
    from include.steps.features import materialize

    case, settings = workspace.ingest(USE_CASE, HISTORY)
    night = HISTORY.rpartition("..")[2]
    digest, version = train_and_route(case, settings, night)
    materialize.apply(USE_CASE)
    materialize.materialize(USE_CASE, night)
    snapshot = materialize.open_snapshot_store(StepContext(case=case, settings=settings)).snapshot
    entity = next(iter(snapshot.row_index))
    features = snapshot.lookup(entity) or {}
    row = {name: None if value != value else value for name, value in features.items() if name in case.feature_names}
    frame = json.dumps({"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}).encode()
    port, mlflow_port, bentoml_port = (ports.free_port("127.0.0.1") for _ in range(3))
    requests = {
        NOOP: Request(port=port, path="/healthz", method="GET"),
        ENTITY: Request(port=port, path="/score", body=json.dumps({"entities": [entity]}).encode()),
        ROW: Request(port=port, path="/invocations", body=frame),
        BENTOML: Request(port=bentoml_port, path="/score", body=json.dumps({"row": row}).encode()),
        MLFLOW: Request(port=mlflow_port, path="/invocations", body=frame),
    }
    with ExitStack() as running:
        running.enter_context(servers.ratchet(port, USE_CASE))
        running.enter_context(servers.mlflow(mlflow_port, USE_CASE, version, settings))
        running.enter_context(servers.bentoml(bentoml_port, digest, settings))
        scores = {name: _score(each) for name, each in requests.items() if name != NOOP}
        assert np.ptp(list(scores.values())) < 1e-9, scores
        measured = _rounds(requests)
        by_wrk = {name: closed_loop.wrk(each, _CONNECTIONS, _SECONDS) for name, each in requests.items()}
    _show(measured)
    return {
        "package": digest,
        "scores": scores,
        "bars": BARS,
        "ways": measured,
        "ratios": _ratios(measured),
        "wrk": by_wrk,
    }


def _rounds(requests: dict[str, Request]) -> dict[str, dict[str, float]]:
    """Return the medians of each server, measured in rounds that alternate between the servers."""
    rounds: dict[str, list[tuple[dict[str, float], dict[str, float]]]] = {name: [] for name in requests}
    for _ in range(_ROUNDS):
        for name, each in requests.items():
            rounds[name].append((closed_loop.ours(each, _CONNECTIONS, _SECONDS), closed_loop.ours(each, 1, _SECONDS)))
    return {name: _median(each) for name, each in rounds.items()}


def train_and_route(case: Any, settings: Any, night: str) -> tuple[str, str]:
    """Train the flagship's trees as of `night`, route them as champion, and return digest and version."""
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
    original, usecases.get = usecases.get, lambda _: replace(case, candidates=trees)
    try:
        train.train(USE_CASE, night, train.BOOTSTRAP)
    finally:
        usecases.get = original
    judged = ledger.entries(warehouse.engine(settings.warehouse_url), USE_CASE, EntryKind.JUDGED)[-1]
    routing_store.write(Routing(use_case=USE_CASE, seq=judged.seq, champion=judged.subject), settings)
    return judged.subject, str(ledger_entries.read(judged, Verdict).version)


def _score(request: Request) -> float:
    headers = {"content-type": "application/json"}
    address = f"http://127.0.0.1:{request.port}{request.path}"
    reply = httpx.request(request.method, address, content=request.body, headers=headers, timeout=60, trust_env=False)
    body = reply.raise_for_status().json()
    if isinstance(body, float):
        return body
    return float(body["answers"][0]["score"] if "answers" in body else body["predictions"][0])


def _median(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, float]:
    """Return the medians over rounds, with all connections and, as `..._of_one`, with one connection."""
    many, one = ({name: median(each[n][name] for each in rounds) for name in rounds[0][n]} for n in (0, 1))
    return {**many, **{f"{name}_of_one": value for name, value in one.items()}}


def _ratios(measured: dict[str, dict[str, float]]) -> dict[str, float]:
    ours = measured[ENTITY]
    return {
        "throughput_to_noop": ours["per_second"] / measured[NOOP]["per_second"],
        "p99_to_noop": ours["p99_ms"] / measured[NOOP]["p99_ms"],
        "throughput_to_mlflow": ours["per_second"] / measured[MLFLOW]["per_second"],
        "throughput_to_bentoml": ours["per_second"] / measured[BENTOML]["per_second"],
    }


def _show(measured: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"one row over HTTP, with {_CONNECTIONS} connections and with one", title_justify="left")
    for heading in ("server", "requests/s", "p50 ms", "p99 ms", "p50 of one", "p99 of one"):
        table.add_column(heading)
    for name, each in measured.items():
        values = (each[key] for key in ("per_second", "p50_ms", "p99_ms", "p50_ms_of_one", "p99_ms_of_one"))
        table.add_row(name, *(f"{value:,.2f}" for value in values))
    Console().print(table)
