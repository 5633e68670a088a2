"""A package tried as it would be served: by its loader and a snapshot of features, in a process of its own, and over HTTP."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import pandas as pd

from include.serving import child_server, subprocesses
from include.settings import Settings
from include.steps.features import feature_pins, materialize
from include.stores import snapshot_store
from ml.features import ENTITY, snapshots
from ml.promotion.acceptance_tests import Trial
from ml.usecase import UseCase

_SEED, _TRIES = 2013, 3
ROWS = 300


def sample(rows: pd.DataFrame) -> pd.DataFrame:
    """Return up to 300 of `rows` to try a package on, of each entity the last."""
    newest = rows.drop_duplicates(ENTITY, keep="last")
    return newest.sample(min(ROWS, len(newest)), random_state=_SEED)


def run(
    packages: Path, digest: str, rows: pd.DataFrame, names: Sequence[str], night: date, settings: Settings
) -> tuple[Trial, pd.DataFrame]:
    """Return how the package answers the features `names` of `rows`, and `rows` in the order of its answers.

    Raises PackageError when the package in the folder `packages` cannot be served at all.
    """
    with TemporaryDirectory() as folder:
        place = snapshot_store.put(Path(folder), night, snapshots.pack(rows[[ENTITY, *names]], {}))
        order = list(snapshot_store.read(Path(folder), place).places)
        told = subprocesses.run("include.serving.latency_trial", packages, digest, settings, folder)
    return Trial(**json.loads(told)), rows.set_index(ENTITY).loc[order].reset_index()


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What a server answered over HTTP for each entity, asked one at a time, and what that took there and back."""

    scores: Sequence[float]
    p50_ms: float
    p99_ms: float


def over_http(
    case: UseCase, digest: str, rows: pd.DataFrame, names: Sequence[str], night: date, settings: Settings
) -> Live:
    """Return how the package answers for the entities of `rows`, in their order, from a server with a snapshot of them.

    Each counts by the best of some tries: what else the machine does is not the model's doing. Raises SetupError when the
    server does not start.
    """
    facts = {"night": str(night), **feature_pins.of_package(digest, settings).facts}
    with TemporaryDirectory() as folder:
        apart = replace(settings, feature_store=Path(folder), journal=Path(folder) / "journal")
        snapshot_store.put(materialize.folder(case, apart), night, snapshots.pack(rows[[ENTITY, *names]], facts))
        with child_server.running(case.name, apart, package=digest) as ours:
            return _asked(ours.address, list(rows[ENTITY]))


def _asked(address: str, entities: Sequence[str]) -> Live:
    with httpx.Client(base_url=address, trust_env=False) as client:
        child_server.wait(lambda: client.get("/readyz").status_code == HTTPStatus.OK, "its package")
        tried = [[_ask(client, each) for _ in range(_TRIES)] for each in entities]
    p50, p99 = np.quantile([min(seconds for _, seconds in each) for each in tried], [0.5, 0.99]) * 1000
    return Live(scores=[each[0][0] for each in tried], p50_ms=float(p50), p99_ms=float(p99))


def _ask(client: httpx.Client, entity: str) -> tuple[float, float]:
    started = time.perf_counter()
    told = client.post("/score", json={"entities": [entity]}).raise_for_status().json()
    return float(told["answers"][0]["score"]), time.perf_counter() - started
