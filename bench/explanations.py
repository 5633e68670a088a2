"""What explanations cost: CPU time of a score with and without one, by the model alone, by the server, and at night.

It uses the flagship's models of January. All figures are CPU time, of all threads, and ratios within one run. Each
night is scored in a process of its own, whose peak memory includes Python and the imports.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from bench import batch, workspace

USE_CASE, HISTORY, TOP = "flights", "2013-01-01..2013-01-31", 5
NIGHTS = {"2013-02-01": 10_000, "2013-02-02": 40_000}
_ROUNDS, _ONE, _MANY, _REQUESTS = 5, 200, 1_000, 300


def run() -> dict[str, Any]:
    """Return CPU times and ratios."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from bench.serving import train_and_route

    case, settings = workspace.ingest(USE_CASE, HISTORY)
    digest, _ = train_and_route(case, settings, HISTORY.rpartition("..")[2])
    models = _models(case, settings)
    server = _server(case, settings)
    for night, rows in NIGHTS.items():
        batch._land(case, settings, night, rows)
    nights = _nights(digest)
    _show(models, server, nights)
    return {"package": digest, "top": TOP, "models": models, "server": server, "nights": nights}


def _models(case: Any, settings: Any) -> dict[str, dict[str, float]]:
    """Return microseconds a row to score and to explain, one row at a time and a thousand at once, by candidate."""
    from ml.evaluation import explain
    from ml.training import fitting
    from ml.usecase import NeuralNet

    rows = workspace.training_rows(case, settings, HISTORY)
    material = workspace.training_material(case, rows, settings, seed=1)
    measured, encoded = {}, material.features[:_MANY]
    for candidate in case.candidates:
        if isinstance(candidate, NeuralNet):
            continue
        model = fitting.fit(candidate, material).model
        ways: dict[str, Callable[[], object]] = {
            "score_one": lambda model=model: [model.learner.raw(row[None]) for row in encoded[:_ONE]],
            "explain_one": lambda model=model: [explain.contribute(model, row[None]) for row in encoded[:_ONE]],
            "score_many": lambda model=model: model.learner.raw(encoded),
            "explain_many": lambda model=model: explain.contribute(model, encoded),
        }
        seconds = {name: median(_cpu_seconds(way) for _ in range(_ROUNDS)) for name, way in ways.items()}
        micros = {name: 1e6 * each / (_ONE if "one" in name else _MANY) for name, each in seconds.items()}
        measured[candidate.name] = {name: round(each, 2) for name, each in micros.items()} | {
            "ratio_one": round(micros["explain_one"] / micros["score_one"], 1),
            "ratio_many": round(micros["explain_many"] / micros["score_many"], 1),
        }
    return measured


def _server(case: Any, settings: Any) -> dict[str, float]:
    """Return the server's milliseconds of CPU for a request of one row, with and without its explanation."""
    from include.serving import child_server
    from include.steps.context import StepContext
    from include.steps.features import materialize

    materialize.apply(USE_CASE)
    materialize.materialize(USE_CASE, HISTORY.rpartition("..")[2])
    snapshot = materialize.open_snapshot_store(StepContext(case=case, settings=settings)).snapshot
    entities = list(snapshot.row_index)[:_REQUESTS]
    with (
        child_server.run_server(USE_CASE, settings) as server,
        httpx.Client(base_url=server.address, trust_env=False) as client,
    ):
        process = psutil.Process(server.process.pid)

        def ask(path: str) -> float:
            """Return the server's seconds of CPU for a request for each entity."""
            before = sum(process.cpu_times()[:2])
            for entity in entities:
                client.post(path, json={"entities": [entity]}).raise_for_status()
            return sum(process.cpu_times()[:2]) - before

        child_server.wait_until(lambda: client.get("/readyz").status_code == 200, "a champion")
        rounds = [(ask("/score"), ask(f"/score?explain={TOP}")) for _ in range(_ROUNDS)]
    plain, explained = (1000 * median(each) / len(entities) for each in zip(*rounds, strict=True))
    return {"score_ms": round(plain, 3), "explain_ms": round(explained, 3), "ratio": round(explained / plain, 1)}


def _nights(digest: str) -> dict[str, Any]:
    """Return CPU milliseconds for a thousand rows of a night, with and without explanations, and peak memory."""
    measured: dict[str, dict[str, float]] = {}
    for night, rows in NIGHTS.items():
        for top in (0, TOP):
            command = [sys.executable, "-m", "bench.explanations", night, digest, str(top)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            name = f"{rows} rows, {'explained' if top else 'scores alone'}"
            measured[name] = json.loads(done.stdout.splitlines()[-1])
    fewest, most = NIGHTS.values()
    explained, alone = measured[f"{most} rows, explained"], measured[f"{most} rows, scores alone"]
    return {
        "nights": measured,
        "ratio": round(explained["cpu_ms_of_1000_rows"] / alone["cpu_ms_of_1000_rows"], 1),
        "peak_to_scores_alone": round(explained["peak_mb"] / alone["peak_mb"], 2),
        "peak_to_fewer_rows": round(explained["peak_mb"] / measured[f"{fewest} rows, explained"]["peak_mb"], 2),
    }


def child(night: str, digest: str, top: str) -> None:
    """Score the night, with explanations of `top` features unless it is 0, and print CPU time and peak memory."""
    import lightgbm  # noqa: F401 - so that no CPU time includes this import

    from include import usecases
    from include.settings import load_settings
    from include.steps.context import NightContext
    from include.steps.score import score
    from include.stores import lake, warehouse
    from ml.rollout.routing import Routing
    from ml.usecase import Explanations, periods

    settings = load_settings()
    declared = Explanations(top=int(top)) if int(top) else None
    case = replace(usecases.get(USE_CASE), explanations=declared)
    context = NightContext(case=case, night=periods.parse(night).first, settings=settings)
    with warehouse.write_transaction(context.engine) as connection:
        connection.exec_driver_sql("DELETE FROM scores")
    with _cpu() as spent:
        rows = score.score_night(context, Routing(use_case=USE_CASE, seq=1, champion=digest))
    assert rows == NIGHTS[night], rows
    stored = lake.count(lake.address(settings.lake, USE_CASE, "explanations", "entities"), night, night)
    assert stored == rows * int(top), stored
    print(json.dumps({"cpu_ms_of_1000_rows": round(1e6 * spent[0] / rows, 1), "peak_mb": round(_peak_mb())}))


def _peak_mb() -> float:
    """Return this program's peak memory; that of `getrusage` includes its parent's, from before it was started."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000


@contextmanager
def _cpu() -> Iterator[list[float]]:
    """Yield a list that has the seconds of CPU of the block, once it is left."""
    started, spent = time.process_time(), list[float]()
    yield spent
    spent.append(time.process_time() - started)


def _cpu_seconds(way: Callable[[], object]) -> float:
    with _cpu() as spent:
        way()
    return spent[0]


def _show(models: dict[str, dict[str, float]], server: dict[str, float], nights: dict[str, Any]) -> None:
    table = Table(title=f"CPU time of scores, and of explanations by {TOP} features", title_justify="left")
    for heading in ("where", "score", "explained", "ratio"):
        table.add_column(heading)
    for name, each in models.items():
        for way in ("one", "many"):
            cells = (f"{each[f'{kind}_{way}']:,.1f} µs" for kind in ("score", "explain"))
            table.add_row(f"{name}, {way}", *cells, f"{each[f'ratio_{way}']:,.1f}")
    table.add_row("server", *(f"{server[name]:.2f} ms" for name in ("score_ms", "explain_ms")), f"{server['ratio']}")
    Console().print(table)
    Console().print(nights)


if __name__ == "__main__":
    child(*sys.argv[1:])
