"""`ratchet prune` and `ratchet forget`, killed after a write and run again, end in the same state."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from include import installation, usecases
from include.settings import Settings, load_settings
from include.steps import forget, ingest, prune
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.score import rescore
from include.stores import lake, lake_retention, ledger, packages, registry, report_paths, routing_store, warehouse
from include.stores.feature_store import online_rows
from include.stores.files import atomic, locations, object_trees
from include.stores.registry import removal
from include.stores.warehouse import retention as rows_by_night
from include.stores.warehouse import tables
from ml.governance.ledger_entries import EntryKind, Pruned, Rescored
from ml.usecase import Retention, UseCase, periods
from tests import recorded
from tests.include.steps.conftest import enter
from tests.killing import Killed, killed_after
from tests.postgres import Server
from tests.unsigned import package

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow's own

MONTHS = ("2015-01-01", "2015-02-01", "2018-03-01")
NOW = datetime(2030, 1, 1, tzinfo=UTC)  # long after the request of the rescores
SHORT = Retention(
    landing=16, rows=20, scores=16, metrics=16, versions=7, predictions=16, rescores=7, reports=7, candidates=7
)
WHO = ("ann", "it was only a test")
WRITES: list[tuple[Any, str]] = [
    (ledger, "append"),
    (os, "unlink"),
    (os, "rename"),
    (object_trees, "_delete_object"),
    (online_rows, "remove_before"),
    (rows_by_night, "delete_nights"),
    (rows_by_night, "delete_use_case"),
    (lake_retention, "drop_before"),
    (lake_retention, "write_checkpoints"),
    (removal, "_delete_models"),
    (removal, "_collect_garbage"),
]
Arrive = Callable[[], Settings]


@pytest.fixture
def short(gym: UseCase, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """The gym, which keeps less than two years of everything; a log of two entries is worth a checkpoint."""
    case, by_name = replace(gym, retention=SHORT), usecases.get
    monkeypatch.setattr(usecases, "get", lambda name: case if name == gym.name else by_name(name))
    monkeypatch.setattr(lake_retention, "_MIN_TRIMMED", 2)
    return case


@pytest.fixture
def arrive(prepared_home: Path, short: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arrive]:
    """A function that puts this test into a new home with three months, two packages, and files of every part.

    It is always at the same path, where MLflow knows its artifacts.
    """
    home, made = tmp_path / "home", tmp_path / "made"
    monkeypatch.setenv("RATCHET_HOME", str(home))
    leave(enter(shutil.copytree(prepared_home, home)))
    shutil.copytree(home, made, symlinks=True)

    def again() -> Settings:
        restore(made, home)
        return load_settings()

    yield again
    load_settings.cache_clear()


@pytest.fixture
def remote(
    home: Settings, short: UseCase, bucket: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """The same three months with lake and landing in a bucket and the warehouse in Postgres."""
    for name in ("lake", "landing"):
        monkeypatch.setenv(f"RATCHET_{name.upper()}", f"{bucket}/{name}")
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL", postgres.database())
    settings = enter(home.home)
    warehouse.migrate(settings.warehouse_url)
    leave(settings)
    yield settings
    warehouse.engine(settings.warehouse_url).dispose()


def restore(made: Path, home: Path) -> None:
    """Put the files of `made` in place of those of `home`; databases, which are open, get their contents."""
    for path in home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    shutil.copytree(made, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("warehouse.db*", "mlflow.db*"))
    for path in made.glob("*.db"):
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(home / path.name)) as target:
            source.backup(target)


def leave(settings: Settings) -> None:
    """Leave three ingested months, and of the first and the last what trainings, reports and rescores leave."""
    for night in MONTHS:
        ingest.ingest("gym", night)
        build.build("gym", night)
    for night, answer in ((MONTHS[0], 0.25), (MONTHS[-1], 0.5)):
        day = pd.Timestamp(night).date()
        digest, files = package(answer)
        manifest = f'{{"facts": {{"use_case": "gym", "night": "{night}"}}}}'
        atomic.write(settings.packages / digest / "manifest.json", manifest.encode())
        atomic.write(settings.packages / digest / "learner.txt", b"trees")
        run = registry.log_training(settings, "gym", day, {"package": digest}, {}, {"card.md": b"card"})
        registry.register(settings, "gym", digest, files, pd.DataFrame({"visits": [1.0, 2.0]}), run_id=run)
        for path in (
            report_paths.drift_report(settings.reports, "gym", day),
            settings.candidate_files / "gym" / night / "plan",
            settings.studies / "gym" / f"logistic-{night}-abc.log",
        ):
            atomic.write(path, b"x")
        intraday = locations.from_address(f"{settings.landing}/gym/intraday/{night}")
        intraday.ensure_exists()
        intraday.put("members.csv", b"x")
    old = report_paths.backtests(settings.reports, "gym") / "one" / "index.html"
    for path in (old, routing_store.path_of(settings.routes, "gym"), settings.feature_store / "gym" / "newest.json"):
        atomic.write(path, b"{}")
    for path in (old, old.parent):
        os.utime(path, (0, 0))
    leave_rescores(settings)
    leave_online_rows(settings)


def leave_online_rows(settings: Settings) -> None:
    """Leave a table as Feast makes it, with a row of each month."""
    with closing(sqlite3.connect(settings.feature_store / "gym" / "online.db")) as database, database:
        database.execute(
            "CREATE TABLE gym_entities (entity_key BLOB, feature_name TEXT, value BLOB, event_ts timestamp)"
        )
        cutoffs = [int(pd.Timestamp(f"{night} 05:00").timestamp()) for night in MONTHS]
        database.executemany("INSERT INTO gym_entities VALUES ('a', 'visits', '1', ?)", [(each,) for each in cutoffs])


def leave_rescores(settings: Settings) -> None:
    """Leave a table of rescores."""
    context, digest = StepContext.load("gym"), "a" * 64
    nights = lake.read(build.address(settings.lake, context.case), MONTHS[-1])
    lake.replace(rescore.address(context, digest), periods.parse(MONTHS[-1]), nights)
    request = Rescored(
        first=NOW.date(), last=NOW.date(), nights=1, who=WHO[0], why=WHO[1], table_versions={"features/entities": 1}
    )
    ledger.append(
        context.engine,
        kind=EntryKind.RESCORED,
        use_case="gym",
        night=periods.parse(MONTHS[-1]).last,
        subject=digest,
        payload=request,
        key="one",
    )


def state(settings: Settings) -> dict[str, Any]:
    """Return what a home has, without clocks and random names: files, rows, runs, versions, and what was pruned.

    The verdicts on use cases are left out: a process writes them once, whatever step it runs.
    """
    engine = warehouse.engine(settings.warehouse_url)
    names = (
        name
        for name in object_trees.sizes(settings.home)
        if ".db" not in name and not name.startswith("usecase_checks/")
    )
    with closing(sqlite3.connect(settings.home / "mlflow.db")) as database:
        counts = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("runs", "model_versions", "logged_models", "registered_models", "metrics", "tags")
        }
    pruned = recorded.payloads(settings, EntryKind.PRUNED, Pruned, "gym")
    return {
        "files": sorted(names),
        "rows": {
            table.name: rows_by_night.count_by_night(engine, table, "gym")
            for table in (
                *rows_by_night.SCORES,
                *rows_by_night.METRICS,
                *rows_by_night.VERSIONS,
                *rows_by_night.SNAPSHOTS,
            )
        },
        "lake": {
            name: (lake.version(uri), len(lake.read(uri)))
            for name, uri in lake_retention.tables(settings.lake, "gym").items()
        },
        "online": list(online_rows.count_by_cutoff(settings, "gym").values()),
        "mlflow": counts,
        "packages": packages.stored(settings.packages),
        "pruned packages": {digest for each in pruned for digest in each.packages},
        "forgotten": len(ledger.entries(engine, "gym", EntryKind.FORGOTTEN, forgotten=True)),
    }


STEPS: dict[str, Callable[[], object]] = {
    "prune": lambda: prune.prune("gym", now=NOW, safety_hours=0),
    "forget": lambda: list(forget.forget(installation.current(), "gym", *WHO, landing=True, assume_idle=True)),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_a_write_and_run_again_it_ends_in_the_same_state(arrive: Arrive, step: str) -> None:
    settings = arrive()
    with killed_after(0, WRITES) as writes:
        STEPS[step]()
    expected, killed = state(settings), sorted(first_and_last(writes))
    assert len(killed) > 20
    for number in killed:
        arrive()
        with killed_after(number, WRITES), pytest.raises(Killed):
            STEPS[step]()
        STEPS[step]()
        assert state(settings) == expected, f"killed after write {number}, {writes[number - 1]}"


def first_and_last(writes: list[str]) -> Iterator[int]:
    """Yield the numbers, from 1, of the first two and of the last of each run of writes of one kind."""
    number = 0
    for _, run in groupby(writes):
        length = len(list(run))
        yield from sorted({number + 1, number + min(2, length), number + length})
        number += length


@pytest.mark.servers
@pytest.mark.parametrize(("step", "months"), [("prune", MONTHS[-1:]), ("forget", ())])
def test_killed_three_times_it_ends_in_a_bucket_and_in_postgres_too(
    remote: Settings, step: str, months: tuple[str, ...]
) -> None:
    for number in (1, 9, 14):
        with killed_after(number, WRITES), pytest.raises(Killed):
            STEPS[step]()
    STEPS[step]()
    engine, nights = warehouse.engine(remote.warehouse_url), [periods.parse(month).last for month in months]
    assert {name.split("/")[-2] for name in object_trees.names(f"{remote.landing}/gym")} == set(months)
    uris = lake_retention.tables(remote.lake, "gym")
    assert bool(uris) == bool(months)
    assert {night for uri in uris.values() for night in lake.nights(uri)} == set(nights)
    assert list(rows_by_night.count_by_night(engine, tables.files, "gym")) == nights
    assert len(packages.stored(remote.packages)) == len(months)
    assert not (remote.home / "lake").exists()
