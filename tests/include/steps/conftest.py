"""A story of steps on the toy use case: homes as each step finds them, a night on its way in, and what a home holds."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings, load_settings
from include.steps import ingest, release, train
from include.steps.features import build, build_costs
from include.steps.monitor import monitor
from include.steps.score import score
from include.steps.train import resource_trends
from include.stores import candidate_store, lake, landing, ledger, packages, registry, warehouse
from include.stores.files import atomic
from include.stores.landing import Bucket, Location
from include.stores.landing import locations as landing_places
from include.stores.warehouse import Alert, FileRevision
from ml.governance.ledger_entries import EntryKind
from ml.usecase import UseCase, periods
from tests import in_process
from tests.made_once import Once

HISTORY, LAST, NIGHT, LATER = "2024-03-01..2024-03-16", "2024-03-16", "2024-03-17", "2024-03-21"
STEPS: dict[str, Callable[[], object]] = {
    "ingest": lambda: ingest.ingest("taxi", HISTORY),
    "features": lambda: build.build("taxi", HISTORY),
    "train": lambda: train.train("taxi", LAST, train.BOOTSTRAP),
    "acceptance tests": lambda: release.run_acceptance_tests("taxi", LAST),
    "approve": lambda: [
        release.approve("taxi", LAST, *who, "Approve") for who in (("tech_lead", "tess"), ("business_owner", "bob"))
    ],
    "promote": lambda: release.promote("taxi", LAST),
    "ingest a night": lambda: ingest.ingest("taxi", NIGHT),
    "features of a night": lambda: build.build("taxi", NIGHT),
    "score": lambda: score.score("taxi", NIGHT),
    "ingest the next night": lambda: ingest.ingest("taxi", "2024-03-18"),
    "features of the next night": lambda: build.build("taxi", "2024-03-18"),
    "monitor": lambda: monitor.measure("taxi", "2024-03-18"),
}


# What the steps write to: a step may be killed after each of them.
WRITES = [
    (atomic, "write"),
    *((candidate_store, what) for what in ("put", "remove")),
    (lake, "replace"),
    (ledger, "append"),
    (packages, "put"),
    *(
        (warehouse, f"record_{what}")
        for what in ("ingestion", "files", "file_versions", "labels", "metrics", "table_reads")
    ),
    *((warehouse, what) for what in ("publish_scores", "raise_alert", "replace_alerts")),
    *((registry, what) for what in ("log_training", "register", "sync_with_ledger")),
]


class Story:
    """The homes that the steps before each step leave, each made once in a test run and copied for every test."""

    def __init__(self, beginning: Path, once: Once) -> None:
        self._beginning, self._once = beginning, once

    def before(self, step: str) -> Path:
        """Return the home that `step` finds; its owner must not write into it."""
        home = self._beginning
        for number, name in enumerate(STEPS):
            if name == step:
                return home
            home = self._after(home, f"story-{number}", STEPS[name])
        raise KeyError(step)

    def turned(self, step: str, happened: Callable[[Settings], None]) -> Path:
        """Return the home in which, instead of `step`, something else `happened`; its owner must not write into it."""
        return self._after(self.before(step), f"story-{happened.__name__}", lambda: happened(load_settings()))

    def _after(self, home: Path, name: str, happened: Callable[[], object]) -> Path:
        def make(folder: Path) -> None:
            enter(shutil.copytree(home, folder))
            with in_process.probing():
                happened()

        return self._once(name, make)


def enter(home: Path) -> Settings:
    """Let this process's settings point at `home`; the fixture `arrive` puts them back."""
    os.environ["RATCHET_HOME"] = str(home)
    load_settings.cache_clear()
    return load_settings()


@pytest.fixture(autouse=True)
def _probes_in_process() -> Iterator[None]:
    """A step tries packages in this process; `own_processes` gives a test the real probes back."""
    with in_process.probing():
        yield


@pytest.fixture
def own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are tried in processes of their own, as outside of tests."""
    for (owner, name), probe in in_process.PROBES.items():
        monkeypatch.setattr(owner, name, probe)


@pytest.fixture(scope="session")
def story(prepared_home: Path, once: Once) -> Story:
    """The story of this test run."""
    return Story(prepared_home, once)


@pytest.fixture
def arrive(
    story: Story, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Settings]]:
    """A function that puts this test into a new home in which everything before a step has happened."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    numbers = count()
    yield lambda step: enter(shutil.copytree(story.before(step), tmp_path / str(next(numbers))))
    load_settings.cache_clear()


def contents(settings: Settings) -> dict[str, Any]:
    """Return everything that a home holds, without clocks: digests of tables, rows of the ledger, names of packages."""
    held: dict[str, Any] = {}
    for log in sorted(Path(settings.lake).rglob("_delta_log")):
        held[str(log.parent.relative_to(settings.lake))] = _table_digest(log.parent)
    with closing(sqlite3.connect(settings.home / "warehouse.db")) as database:
        for table in ("scores", "labels", "ingestions", "alerts", "files"):
            held[table] = sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=str)
        timed = (build_costs.MILLISECONDS, *resource_trends.TIMED_METRICS)
        untimed = f"SELECT * FROM metrics WHERE metric NOT IN ({', '.join('?' * len(timed))})"
        held["metrics"] = sorted(database.execute(untimed, timed).fetchall(), key=str)
        read = (
            "SELECT DISTINCT use_case, night, stage, source_table FROM table_reads ORDER BY night, stage, source_table"
        )
        held["reads"] = database.execute(read).fetchall()
        rows = pd.read_sql("SELECT kind, night, subject, payload, key FROM ledger ORDER BY seq", database)
        held["ledger"] = [_timeless(row) for row in rows.to_dict("records")]
    with closing(sqlite3.connect(settings.home / "mlflow.db")) as database:
        for query in (
            "SELECT name, version FROM model_versions",
            "SELECT name, version, key, value FROM model_version_tags",
            "SELECT name, alias, version FROM registered_model_aliases",
            "SELECT name, status FROM runs",
        ):
            held[query] = sorted(database.execute(query).fetchall(), key=str)
    held["packages"] = sorted(path.name for path in settings.packages.glob("[!.]*"))
    held["drafts"] = sorted(
        str(path.relative_to(settings.candidate_files))
        for path in settings.candidate_files.rglob("*")
        if path.is_file()
    )
    held["landing"] = {path.name: path.read_bytes() for path in sorted(Path(settings.landing).rglob("*.csv"))}
    return held


_digests: dict[str, str] = {}  # by what a table's folder has: copies of a home have the same files


def _table_digest(table: Path) -> str:
    """Return a digest of a table's rows, in any order."""
    names = [f"{path.name} {path.stat().st_size}" for path in sorted(table.rglob("*")) if path.is_file()]
    log = [path.read_text() for path in sorted(table.glob("_delta_log/*.json"))]
    known = hashlib.sha256("\n".join(names + log).encode()).hexdigest()
    if known not in _digests:
        rows = lake.read(str(table))
        ordered = rows.sort_values(sorted(rows.columns), ignore_index=True)[sorted(rows.columns)]
        _digests[known] = hashlib.sha256(ordered.to_csv().encode()).hexdigest()
    return _digests[known]


def _timeless(row: dict[Any, Any]) -> dict[Any, Any]:
    payload = json.loads(row["payload"])
    if row["kind"] == EntryKind.JUDGED and payload["candidates"]:
        payload["candidates"] = [each | {"p99_latency_ms": None, "memory_mb": None} for each in payload["candidates"]]
        payload |= {"choice": None, "evidence": None, "model_card": None}
    if row["kind"] == EntryKind.ACCEPTANCE_TESTED:
        payload["checks"] = [_untimed(each) for each in payload["checks"]]
    payload.pop("versions", None)
    return row | {"payload": payload}


def _untimed(check: dict[str, Any]) -> dict[str, Any]:
    timed = ("p99 latency", "memory")
    return next((check | {"name": name, "value": None} for name in timed if check["name"].startswith(name)), check)


@dataclass(frozen=True, kw_only=True)
class Night:
    """The place where the night's files are, and what ingesting them left."""

    where: Settings
    place: Location

    def take(self) -> dict[str, int]:
        """Ingest the night."""
        return ingest.ingest("taxi", NIGHT)

    def fetch(self, name: str) -> bytes:
        """Return the bytes of a file that landed."""
        with TemporaryDirectory() as folder:
            return self.place.fetch(name, Path(folder)).read_bytes()

    def remove(self, name: str) -> None:
        """Take a file away again."""
        if isinstance(self.place, Bucket):
            landing_places.s3_client().delete_object(Bucket=self.place.bucket, Key=f"{self.place.prefix}/{name}")
        else:
            (Path(str(self.place)) / name).unlink()

    def stage(self, stage: str, table: str) -> pd.DataFrame:
        """Return the night's rows of a table in the stage `valid` or `quarantine`."""
        return lake.read(lake.address(self.where.lake, "taxi", stage, table), NIGHT, NIGHT)

    def alerts(self) -> list[Alert]:
        """Return what is told of the night."""
        engine = warehouse.engine(self.where.warehouse_url)
        return list(warehouse.alerts(engine, "taxi", periods.parse(NIGHT).first, periods.parse(NIGHT).last))

    def files(self) -> dict[str, FileRevision]:
        """Return the night's files by name."""
        engine = warehouse.engine(self.where.warehouse_url)
        return {each.name: each for each in warehouse.files(engine, "taxi", NIGHT)}


def without_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only what a test lands be there."""
    has = usecases.has_module
    monkeypatch.setattr(usecases, "has_module", lambda name, part: part != "source" and has(name, part))


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.servers)])
def night(
    request: pytest.FixtureRequest,
    arrive: Callable[[str], Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Night:
    """The night after the history, its files landed in a folder or a bucket, not ingested yet."""
    if request.param == "bucket":
        monkeypatch.setenv("RATCHET_LANDING", request.getfixturevalue("bucket"))
    settings = arrive("ingest a night")
    place = landing.period_location(settings.landing, "taxi", periods.parse(NIGHT))
    usecases.module("taxi", "source").land(tmp_path / "drawn", periods.parse(NIGHT), load_settings().data)
    for path in (tmp_path / "drawn").iterdir():
        place.put(path.name, path.read_bytes())
    without_a_source(monkeypatch)
    return Night(where=settings, place=place)


@pytest.fixture
def damaged(story: Story, arrive: Callable[[str], Settings], tmp_path: Path) -> Settings:
    """A home whose champion's bytes were changed, and some nights later a challenger that could not meet it."""
    return enter(shutil.copytree(story.turned("ingest a night", damage), tmp_path / "damaged"))


def damage(settings: Settings) -> None:
    """Take some nights, change the champion's bytes, and train a challenger that cannot meet it."""
    for night in map(str, periods.parse(f"{NIGHT}..{LATER}")):
        ingest.ingest("taxi", night)
        build.build("taxi", night)
    (package,) = settings.packages.glob("[!.]*")
    learner = package / "learner.txt"
    learner.write_bytes(learner.read_bytes().replace(b"1", b"2", 1))
    assert not train.train("taxi", LATER, "a person")
