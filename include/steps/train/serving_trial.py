"""Serving trial: load and score a package as a server does, in a process of its own, and over HTTP."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import pandas as pd

from include import child_processes
from include.serving import child_server, subprocesses
from include.serving.child_server import RunningServer
from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import feature_pins, snapshot_archive
from include.stores import snapshot_store
from ml.features import ENTITY, snapshots
from ml.promotion.acceptance_tests import ServingProbe

_SEED, _ROUNDS = 2013, 5
_ANSWER_SECONDS = 120.0  # of a request on a busy machine, whose time does not count
SAMPLE_ROWS = 300


def sample(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a sample of up to `SAMPLE_ROWS` of `rows`, the last one of each entity."""
    newest = rows.drop_duplicates(ENTITY, keep="last")
    return newest.sample(min(SAMPLE_ROWS, len(newest)), random_state=_SEED)


def run(
    packages: Path, digest: str, rows: pd.DataFrame, names: Sequence[str], night: date, settings: Settings
) -> tuple[ServingProbe, pd.DataFrame]:
    """Return the package's scores and timings on the features `names` of `rows`, and `rows` in the order of the scores.

    Raises PackageError when the package in the folder `packages` cannot be served at all.
    """
    with TemporaryDirectory() as folder:
        reference = snapshot_store.put(Path(folder), night, snapshots.pack(rows[[ENTITY, *names]], {}))
        order = list(snapshot_store.read(Path(folder), reference).row_index)
        output = subprocesses.run("include.serving.latency_trial", packages, digest, settings, folder)
    return ServingProbe(**json.loads(output)), rows.set_index(ENTITY).loc[order].reset_index()


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpProbe:
    """The scores that a server returned over HTTP, one entity per request, and its CPU time for one."""

    scores: Sequence[float]
    p50_ms: float
    p99_ms: float


def probe_http(context: NightContext, digest: str, rows: pd.DataFrame, names: Sequence[str]) -> HttpProbe:
    """Return the scores and latency for the entities of `rows`, in their order, from a server with a snapshot of them.

    The latency of an entity is the server's CPU time for its request, the lowest of several rounds over all entities,
    so that other load on the machine does not count. Raises SetupError when the server does not start.
    """
    facts = {"night": str(context.night), **feature_pins.from_package(digest, context.settings).facts}
    with TemporaryDirectory() as folder:
        isolated = replace(context.settings, feature_store=Path(folder), prediction_log=Path(folder) / "prediction_log")
        snapshot_store.put(
            snapshot_archive.folder(StepContext(case=context.case, settings=isolated)),
            context.night,
            snapshots.pack(rows[[ENTITY, *names]], facts),
        )
        with child_server.run_server(
            context.case.name, isolated, package=digest, body_seconds=_ANSWER_SECONDS, answer_seconds=_ANSWER_SECONDS
        ) as child:
            return _measure(child, list(rows[ENTITY]))


def _measure(server: RunningServer, entities: Sequence[str]) -> HttpProbe:
    with httpx.Client(base_url=server.address, trust_env=False, timeout=_ANSWER_SECONDS) as client:
        child_server.wait_until(lambda: client.get("/readyz").status_code == HTTPStatus.OK, "its package")
        rounds = [[_request(client, server.process.pid, each) for each in entities] for _ in range(_ROUNDS)]
    seconds = np.array([[spent for _, spent in each] for each in rounds])
    p50, p99 = np.quantile(seconds.min(axis=0), [0.5, 0.99]) * 1000
    return HttpProbe(scores=[score for score, _ in rounds[0]], p50_ms=float(p50), p99_ms=float(p99))


def _request(client: httpx.Client, process_id: int, entity: str) -> tuple[float, float]:
    """Return the score of an entity, and the CPU time in seconds that the server spent on the request."""
    started = child_processes.cpu_seconds(process_id)
    reply = client.post("/score", json={"entities": [entity]}).raise_for_status().json()
    return float(reply["answers"][0]["score"]), child_processes.cpu_seconds(process_id) - started
