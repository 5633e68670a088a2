"""Small houses: one with a little of everything, made by hand, and empty ones that are ready to be moved into."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from include.installation import Installation
from include.settings import Settings, read_settings
from include.stores import lake, ledger, packages, registry, routing_store, warehouse
from include.stores.files import atomic
from include.stores.landing import locations as landing_places
from include.stores.registry import client
from include.stores.signing import model_signing
from include.stores.warehouse import Alert, Metric
from ml.governance.ledger_entries import EntryKind, StoredInterval, Verdict
from ml.rollout.routing import Routing
from ml.usecase import periods
from tests import postgres as postgres_server
from tests import published, recorded
from tests.made_once import Once

NIGHT, AT = date(2024, 3, 1), datetime(2024, 3, 1, 2, tzinfo=UTC)
EXAMPLE = pd.DataFrame({"distance": [1.0, 2.0]})


def house(folder: Path, **more: str) -> Installation:
    """Return a house in `folder`, with other addresses where told."""
    variables = {"RATCHET_HOME": str(folder), **{f"RATCHET_{name.upper()}": value for name, value in more.items()}}
    return Installation(settings=read_settings(variables), variables=variables)


def decide(settings: Settings, subject: str, key: str, kind: EntryKind = EntryKind.JUDGED) -> None:
    """Write a verdict or a promotion to the ledger."""
    engine = warehouse.engine(settings.warehouse_url)
    gain = StoredInterval(value=0.1, low=None, high=None)
    verdict = Verdict(outcome="promote", reason="ünlike\n", gain=gain)
    payload = recorded.PROMOTED if kind is EntryKind.PROMOTED else verdict
    ledger.append(engine, kind=kind, use_case="taxi", night=NIGHT, subject=subject, payload=payload, key=key)


def package(settings: Settings, answer: str) -> str:
    """Store and register a signed package, and return its digest."""
    files = {"model": answer.encode()}
    files["manifest.json"] = json.dumps({"files": {"model": hashlib.sha256(files["model"]).hexdigest()}}).encode()
    digest = hashlib.sha256(files["manifest.json"]).hexdigest()
    signed = model_signing.sign(digest, files, settings)
    packages.put(settings.packages, digest, signed)
    run = registry.log_training(settings, "taxi", NIGHT, {"leaves": answer}, {"auc": 0.7}, {"curve.png": b"png"})
    registry.register(settings, "taxi", digest, signed, EXAMPLE, {"night": str(NIGHT)}, run)
    return digest


def score(settings: Settings, night: date, *scores: float) -> None:
    """Issue scores of a night."""
    frame = pd.DataFrame({"entity": [f"é{number:04d}" for number in range(len(scores))], "score": scores})
    published.publish(warehouse.engine(settings.warehouse_url), "taxi", night, "d" * 64, frame, AT, 0)


def live(settings: Settings) -> None:
    """Let a little of everything happen in the house."""
    table = lake.address(settings.lake, "taxi", "valid", "rides")
    for value in range(3):
        lake.replace(table, periods.parse("2024-03-01"), pd.DataFrame({"night": "2024-03-01", "value": [value / 3]}))
    landing_places.from_address(settings.landing).child("taxi").child("2024-03-01").put("rides.csv", b"who\nann\n")
    atomic.write(settings.studies / "taxi" / "search.log", b"{}\n")
    digest, _, gone = (package(settings, answer) for answer in ("0.25", "0.5", "0.75"))
    client.connect(settings).delete_model_version("taxi", "2")
    decide(settings, digest, "promoted", EntryKind.PROMOTED)
    decide(settings, gone, "judged")
    registry.sync_with_ledger(settings, "taxi")
    routing_store.write(Routing(use_case="taxi", seq=1, champion=digest), settings)
    score(settings, NIGHT, 0.1, 1 / 3, 0.0)
    engine = warehouse.engine(settings.warehouse_url)
    warehouse.raise_alert(engine, Alert(use_case="taxi", night=NIGHT, kind="late", subject="rides", message="it is"))
    metric = Metric(use_case="taxi", night=NIGHT, model_digest=digest, slice="all", metric="auc", value=None, n=3)
    warehouse.record_metrics(engine, [metric])
    warehouse.record_table_reads(engine, "taxi", [NIGHT], "features", "features/entities@0", {"valid/rides": 2})
    warehouse.record_snapshot(engine, "taxi-live", "2024-03-01T12:15:00Z.0123456789ab", night=NIGHT, manifest="{}")


@pytest.fixture(scope="session")
def lived_once(prepared_home: Path, once: Once) -> Path:
    """The home of a small installation, to be copied."""
    return once("lived", lambda home: live(house(shutil.copytree(prepared_home, home)).settings))


@pytest.fixture
def lived(lived_once: Path) -> Installation:
    """A small house with a little of everything; MLflow knows its folder, so it stays where it is and is only read."""
    return house(lived_once)


@pytest.fixture
def ready(prepared_home: Path, tmp_path: Path) -> Callable[[], Installation]:
    """A function that returns an empty house whose databases are made, another one each time."""
    numbers = count()
    return lambda: house(shutil.copytree(prepared_home, tmp_path / f"ready{next(numbers)}"))


@pytest.fixture(params=["folders", pytest.param("servers", marks=pytest.mark.servers)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """A house in which nothing is: in folders and SQLite, or on a real Postgres and a real S3."""
    folder = tmp_path / "new"
    if request.param == "folders":
        return house(folder)
    bucket: str = request.getfixturevalue("bucket")
    server: postgres_server.Server = request.getfixturevalue("postgres")
    urls = {"warehouse_url": server.database(), "mlflow_url": server.database()}
    return house(folder, lake=f"{bucket}/lake", landing=f"{bucket}/landing", **urls)
