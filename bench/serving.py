"""One row over HTTP: our server's protocols beside its own no-op route and `mlflow models serve`, in one run.

The same package, the flagship's, answers everywhere, and the answers are compared first. A client in a process of its own
keeps some connections busy, each with one request at a time (a closed loop); rounds alternate, and medians are taken.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from bench import homes

USE_CASE, HISTORY = "flights", "2013-01-01..2013-01-31"
BARS = {"throughput_to_noop": 0.7, "p99_to_noop": 3.0, "throughput_to_mlflow": 100.0}
_ROUNDS, _SECONDS, _CONNECTIONS, _START_SECONDS = 3, 4.0, 8, 120


def run() -> dict[str, Any]:
    """Return requests a second and latencies of each way, and their ratios, beside the bars."""
    with homes.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include.steps import materialize

    case, where = homes.taken(USE_CASE, HISTORY)
    night = HISTORY.rpartition("..")[2]
    digest, version = released(case, where, night)
    materialize.apply(USE_CASE)
    materialize.materialize(USE_CASE, night)
    entity = next(iter(materialize.shelf_of(case, where).snapshot.places))
    known = materialize.shelf_of(case, where).snapshot.lookup(entity) or {}
    row = {name: None if value != value else value for name, value in known.items() if name in case.feature_names}
    frame = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    ours, theirs = _free_port(), _free_port()
    with (
        _server(ours, "include.serving", USE_CASE, RATCHET_SERVING_PORT=ours),
        mlflow(theirs, USE_CASE, version, where),
    ):
        asked = {
            "no-op": (ours, "GET", "/healthz", b""),
            "an entity": (ours, "POST", "/score", json.dumps({"entities": [entity]}).encode()),
            "a row, /invocations": (ours, "POST", "/invocations", json.dumps(frame).encode()),
            "mlflow models serve": (theirs, "POST", "/invocations", json.dumps(frame).encode()),
        }
        scores = {name: _score(*each) for name, each in asked.items() if name != "no-op"}
        assert np.ptp(list(scores.values())) < 1e-9, scores
        rounds = {name: [] for name in asked}
        for _ in range(_ROUNDS):
            for name, each in asked.items():
                rounds[name].append((_load(*each, _CONNECTIONS), _load(*each, 1)))
    told = {name: _median(found) for name, found in rounds.items()}
    _show(told)
    return {"package": digest, "scores": scores, "bars": BARS, "ways": told, "ratios": _ratios(told)}


def released(case: Any, where: Any, night: str) -> tuple[str, str]:
    """Return the digest and the version of the flagship's trees, which servers are let answer with."""
    from dataclasses import replace

    from include import usecases
    from include.stack import setup
    from include.steps import train
    from include.stores import ledger, registry, routes, warehouse
    from ml.routing import Routing
    from ml.usecase import GradientBoosting

    setup.make_folders(where)
    setup.generate_secrets(where)
    registry.prepare(where)
    trees = tuple(each for each in case.candidates if isinstance(each, GradientBoosting))
    read, usecases.get = usecases.get, lambda _: replace(case, candidates=trees)
    try:
        train.train(USE_CASE, night, train.BOOTSTRAP)
    finally:
        usecases.get = read
    judged = ledger.entries(warehouse.engine(where.warehouse_url), USE_CASE, "judged")[-1]
    routes.publish(Routing(use_case=USE_CASE, seq=judged.seq, champion=judged.subject), where)
    return judged.subject, str(judged.payload["version"])


@contextmanager
def _server(port: int, module: str, *words: str, **environment: object) -> Iterator[None]:
    variables = os.environ | {name: str(value) for name, value in environment.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _ready(port):
            assert process.poll() is None, f"{module} ended"
            assert time.monotonic() < deadline, f"{module} did not start"
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def mlflow(port: int, use_case: str, version: str, where: Any) -> Iterator[None]:
    """Let MLflow's own scoring server answer on `port` with a version of the registry."""
    words = ("models", "serve", "-m", f"models:/{use_case}/{version}", "-p", str(port), "--env-manager", "local")
    environment = {"MLFLOW_TRACKING_URI": where.mlflow_url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with _server(port, "mlflow", *words, PATH=path, **environment):
        yield


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    from include.stack import setup

    return setup.free_port("127.0.0.1")


def _score(port: int, method: str, path: str, body: bytes) -> float:
    headers = {"content-type": "application/json"}
    replied = httpx.request(method, f"http://127.0.0.1:{port}{path}", content=body, headers=headers, trust_env=False)
    told = replied.raise_for_status().json()
    return float(told["answers"][0]["score"] if "answers" in told else told["predictions"][0])


def _load(port: int, method: str, path: str, body: bytes, connections: int) -> dict[str, float]:
    """Return what a client in a process of its own measured."""
    words = [str(port), method, path, body.decode(), str(connections), str(_SECONDS)]
    command = [sys.executable, "-c", "import sys; from bench import serving; serving.client(*sys.argv[1:])", *words]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def client(port: str, method: str, path: str, body: str, connections: str, seconds: str) -> None:
    """Keep `connections` busy for `seconds`, and print requests a second and quantiles of latency in milliseconds."""
    import uvloop

    content = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    latencies = uvloop.run(_client(int(port), head.encode() + content, int(connections), float(seconds)))
    p50, p99 = np.quantile(latencies, [0.5, 0.99]) * 1000
    print(json.dumps({"per_second": len(latencies) / float(seconds), "p50_ms": float(p50), "p99_ms": float(p99)}))


async def _client(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    loop, latencies = asyncio.get_running_loop(), list[float]()
    until = time.perf_counter() + seconds
    asking = [
        (await loop.create_connection(lambda: _Connection(request, until, latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.done for each in asking))
    return latencies


class _Connection(asyncio.Protocol):
    """Asks again as soon as it is answered."""

    def __init__(self, request: bytes, until: float, latencies: list[float]) -> None:
        self._request, self._until, self._latencies = request, until, latencies
        self._received, self._sent = b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        assert head.split(b" ", 2)[1] == b"200", head
        self._latencies.append(time.perf_counter() - self._sent)
        self._received = b""
        self._ask()

    def _ask(self) -> None:
        self._sent = time.perf_counter()  # uvloop's own clock has whole milliseconds
        if self._sent > self._until:
            self._transport.close()
            self.done.set_result(None)
        else:
            self._transport.write(self._request)


def _median(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, float]:
    """Return the medians over rounds: with all connections, and of latency also with one."""
    many, one = ({name: median(each[n][name] for each in rounds) for name in rounds[0][n]} for n in (0, 1))
    return {**many, **{f"{name}_of_one": value for name, value in one.items()}}


def _ratios(told: dict[str, dict[str, float]]) -> dict[str, float]:
    ours, noop, theirs = (told[name] for name in ("an entity", "no-op", "mlflow models serve"))
    return {
        "throughput_to_noop": ours["per_second"] / noop["per_second"],
        "p99_to_noop": ours["p99_ms"] / noop["p99_ms"],
        "throughput_to_mlflow": ours["per_second"] / theirs["per_second"],
    }


def _show(told: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"one row over HTTP, {_CONNECTIONS} connections, and one", title_justify="left")
    for heading in ("way", "requests/s", "p50 ms", "p99 ms", "p50 of one", "p99 of one"):
        table.add_column(heading)
    for name, each in told.items():
        values = (each[key] for key in ("per_second", "p50_ms", "p99_ms", "p50_ms_of_one", "p99_ms_of_one"))
        table.add_row(name, *(f"{value:,.2f}" for value in values))
    Console().print(table)
