"""Models of live horizons for the toy server (`tests.served`), with snapshots of entities before and after their cutoff."""

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd

from include.settings import Settings
from include.stores import request_log, routing_store, snapshot_store
from include.stores.snapshot_store import SnapshotRef
from ml.features import snapshots
from ml.features.fingerprints import FeatureFingerprints
from ml.rollout.routing import Routing
from tests import served
from tests.served import Server
from tests.waiting import eventually

LIVE, EARLY = "taxi-live", "taxi-day_before"
HOURS = {LIVE: 2.0, EARLY: 24.0}
MOMENT = datetime(2013, 1, 12, 14, 15, tzinfo=UTC)
# By entity, how many hours after MOMENT its event is.
LEADS = {"ride-0": 1.0, "ride-1": 2.0, "ride-2": 2.5, "ride-3": 30.0, "ride-4": -0.5, "ride-5": 0.0}
# One feature more than the night has, and in another order.
WAITS = np.random.default_rng(5).uniform(0, 30, len(served.FRAME))
FRAME = served.FRAME.assign(wait=WAITS)[["wait", "zone", "hour"]]
PINNED = FeatureFingerprints(service="taxi_live_v1", digests={name: name * 2 for name in FRAME})
ENTITIES = FRAME.head(len(LEADS)).assign(entity=list(LEADS))


def packaged(settings: Settings, candidate: str = "trees", model: str = LIVE) -> str:
    """Store a signed package of a live model that has the columns of FRAME, and return its digest."""
    return served.packaged(settings, candidate, FRAME, use_case=model, **PINNED.facts)


def route(settings: Settings, model: str, digest: str, seq: int = 1, **changes: Any) -> None:
    """Write a routing of `model` with the champion `digest`."""
    routing_store.write(Routing(use_case=model, seq=seq, champion=digest, **changes), settings)


def publish(
    settings: Settings,
    model: str = LIVE,
    moment: datetime = MOMENT,
    max_age_minutes: float = 60,
    entities: pd.DataFrame = ENTITIES,
    pinned: FeatureFingerprints = PINNED,
) -> SnapshotRef:
    """Publish a live snapshot of the entities in LEADS as of `moment`."""
    events = pd.Series([MOMENT + timedelta(hours=lead) for lead in LEADS.values()])
    rows = entities.assign(cutoff=events - pd.Timedelta(hours=HOURS[model]))
    facts = {
        "night": str(served.NIGHT),
        snapshots.AS_OF: moment.isoformat(),
        snapshots.HOURS: HOURS[model],
        snapshots.MAX_AGE_MINUTES: max_age_minutes,
        **pinned.facts,
    }
    folder = snapshot_store.folder_of(settings.feature_store, model)
    return snapshot_store.put(folder, f"{moment:%Y-%m-%dT%H:%M:%SZ}", snapshots.pack(rows, facts))


def score(model: str, entity: str, candidate: str = "trees") -> float:
    """Return the score that the package of `model` gives `entity` with the features of its snapshot."""
    frame, entities = (FRAME, ENTITIES) if model == LIVE else (served.FRAME, served.ENTITIES)
    return served.model(candidate, frame).predict_row(row(entities, entity))


def row(entities: pd.DataFrame, entity: str) -> dict[str, Any]:
    """Return the features of `entity`."""
    [features] = entities[entities["entity"] == entity].drop(columns="entity").to_dict("records")
    return {str(name): value for name, value in features.items()}


def records(settings: Settings, model: str) -> Iterator[dict[str, Any]]:
    """Yield what servers have logged of `model`."""
    segments = request_log.segments(settings.prediction_log / model)
    pages = (request_log.read(segment).records for segment in segments)
    return (json.loads(each) for each in itertools.chain.from_iterable(pages))


@dataclass
class Asking:
    """Clients that ask again and again: the replies, in order, what was refused, and the requests without a reply."""

    answered: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: int = 0

    def wait_for(self, count: int) -> None:
        """Wait for `count` more replies, or until a request was refused or lost."""
        total = len(self.answered) + count
        eventually(lambda: len(self.answered) >= total or self.refused or self.lost or None, pause=0.01)

    def ask(self, server: Server, entities: Sequence[str], done: threading.Event) -> None:
        """Ask for `entities` until `done`, or until a reply does not arrive."""
        with httpx.Client(base_url=server.client.base_url, timeout=30, trust_env=False) as client:
            while not done.is_set():
                try:
                    reply = client.post("/score", json={"entities": entities})
                except httpx.TransportError:
                    self.lost += 1
                    return
                if reply.status_code == 200:
                    self.answered.append(reply.json())
                else:
                    self.refused.append(reply.text)


@contextmanager
def asking(server: Server, *entities: str, clients: int = 4) -> Iterator[Asking]:
    """Let `clients` ask for `entities` together, each in a thread, until the block ends."""
    result, done = Asking(), threading.Event()
    threads = [threading.Thread(target=result.ask, args=[server, entities, done]) for _ in range(clients)]
    for each in threads:
        each.start()
    try:
        yield result
    finally:
        done.set()
        for each in threads:
            each.join()
