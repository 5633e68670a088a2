"""A real model server in a separate process, with small packages and a snapshot of features."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from include.serving import child_server
from include.settings import Settings
from include.stores import packages, routing_store, snapshot_store
from include.stores.signing import model_signing
from ml.features import snapshots
from ml.features.fingerprints import FeatureFingerprints
from ml.packaging import package_files
from ml.rollout.routing import Routing
from ml.training import fitting
from ml.training.fitting import Model
from ml.usecase import GradientBoosting, Logistic
from tests.ml.answers import YES_OR_NO

USE_CASE, NIGHT, NAMES = "taxi", date(2013, 1, 12), ("hour", "zone")
CHANCE = np.random.default_rng(3)
FRAME = pd.DataFrame({"hour": CHANCE.uniform(0, 24, 600), "zone": pd.Categorical(CHANCE.choice(["a", "b"], 600))})
LABELS = (FRAME["hour"].to_numpy() > 12).astype(float)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 13)], 50).astype(object)
ENTITIES = FRAME.head(40).assign(entity=[f"ride-{place}" for place in range(40)])
PINNED = FeatureFingerprints(service="taxi_v1", digests={name: name * 2 for name in NAMES})
FACTS: dict[str, object] = {"use_case": USE_CASE, **PINNED.facts}
CANDIDATES = {"trees": GradientBoosting(trees=5, leaves=4, rows_per_leaf=10), "logistic": Logistic(strength=1.0)}
_SECONDS = 60


def model(candidate: str = "trees", frame: pd.DataFrame = FRAME) -> Model:
    """Return a small model of the columns of `frame`."""
    rows = fitting.prepare(frame, LABELS, NIGHTS, tuple(frame.columns), target=YES_OR_NO, seed=1, threads=1)
    return fitting.fit(CANDIDATES[candidate], rows).model


def packaged(settings: Settings, candidate: str = "trees", frame: pd.DataFrame = FRAME, **facts: object) -> str:
    """Store a signed package of `model(candidate, frame)` and return its digest; `facts` override those of the toy."""
    packed = package_files.pack(model(candidate, frame), frame, FACTS | facts)
    packages.put(settings.packages, packed.digest, model_signing.sign(packed.digest, packed.files, settings))
    return packed.digest


def shelved(settings: Settings, rows: pd.DataFrame = ENTITIES, night: date = NIGHT) -> Path:
    """Publish a snapshot of `rows` for servers, and return the folder of snapshots."""
    folder = settings.feature_store / USE_CASE / "snapshots"
    snapshot_store.put(folder, night, snapshots.pack(rows, {"night": str(night), **PINNED.facts}))
    return folder


def routed(settings: Settings, champion: str, seq: int = 1, **changes: Any) -> Routing:
    """Write a routing with `champion`, and return it."""
    routing = Routing(use_case=USE_CASE, seq=seq, champion=champion, **changes)
    routing_store.write(routing, settings)
    return routing


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server and a client for it."""

    client: httpx.Client
    process: "subprocess.Popen[bytes]"
    port: int

    def ask(self, *entities: str) -> list[dict[str, Any]]:
        """Return the answers for `entities`."""
        reply = self.client.post("/score", json={"entities": entities})
        assert reply.status_code == 200, reply.text
        answers: list[dict[str, Any]] = reply.json()["answers"]
        return answers

    def wait_for(self, digest: str, entity: str = "ride-0", seconds: float = _SECONDS) -> float:
        """Wait until the package `digest` answers for `entity`, and return the seconds that took."""
        started = time.monotonic()
        while (package := self.ask(entity)[0]["package"]) != digest:
            assert time.monotonic() - started < seconds, f"{package} still answers"
            time.sleep(0.02)
        return time.monotonic() - started


@contextmanager
def running(settings: Settings, **environment: object) -> Iterator[Server]:
    """Run a server of the toy until the block ends.

    `environment` sets variables RATCHET_SERVING_..., given in lower case and without this prefix.
    """
    with (
        child_server.run_server(USE_CASE, settings, **environment) as server,
        httpx.Client(base_url=server.address, timeout=30, trust_env=False) as client,
    ):
        yield Server(client=client, process=server.process, port=client.base_url.port or 0)
