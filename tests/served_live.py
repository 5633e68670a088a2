"""Models of live horizons for the toy server (`tests.served`), with snapshots of entities before and after their cutoff."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from include.settings import Settings
from include.stores import request_log, routing_store, snapshot_store
from include.stores.snapshot_store import SnapshotRef
from ml.features import snapshots
from ml.features.fingerprints import FeatureFingerprints
from ml.rollout.routing import Routing
from tests import served

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
