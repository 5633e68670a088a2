"""A month on Postgres and S3: Airflow's own backfill, two schedulers, nights whose servers die, labels that land late."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from include import ports, usecases
from include.platform.local import environment, processes
from include.platform.local.airflow_client import Client, Run
from include.platform.local.processes import LocalStack
from include.settings import PROJECT, Settings, load_settings
from include.steps.ingest import nightly
from include.stores import landing, ledger, warehouse
from include.stores.landing import locations as landings
from ml.errors import RatchetError
from ml.usecase import periods
from tests import s3, stacks
from tests.conftest import TOYS
from tests.postgres import Server
from tests.waiting import Answer, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.airflow,
    pytest.mark.timeout(1500),
    pytest.mark.filterwarnings("default"),  # Airflow and MLflow warn of their own future
]

MONTH, LATE = periods.parse("2024-03-01..2024-03-31"), "2024-03-12"
AWAY_SECONDS, THREE_LOOKS_SECONDS = 15, 45
SECOND = "scheduler-2"
_ONLY_TAXI = f"""
import pathlib
from include import usecases
usecases.__path__.append({str(TOYS)!r})
usecases._folders = lambda *_: {{"taxi": pathlib.Path({str(TOYS)!r}, "taxi")}}
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stack on Postgres and S3 with two schedulers, and what keeps its processes alive, as containers would be."""

    stack: LocalStack
    client: Client
    server: Server
    airflow_url: str

    def eventually(self, ask: Callable[[], Answer | None], seconds: float = 600) -> Answer:
        """Return the first answer; a process that ended meanwhile is started again, a request in vain made again."""

        def look() -> Answer | None:
            self._revive()
            with contextlib.suppress(RatchetError, OSError, ValueError):
                return ask()
            return None

        return eventually(look, seconds, pause=0.5)

    def _revive(self) -> None:
        for name, process in self.stack.processes.items():
            if process.poll() is not None:
                stacks.start(self.stack, name)

    def ended(self, dag: str, run: str) -> Run:
        """Return a run once it ended."""
        result = f"dags/{dag}/dagRuns/{run}"

        def look() -> Run | None:
            state = self.client.request("GET", result).json()["state"]
            return (
                next(each for each in self.client.runs(dag) if each.id == run)
                if state in ("success", "failed")
                else None
            )

        return self.eventually(look)


@pytest.fixture(scope="module")
def place(postgres: Server, s3_server: s3.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A stack with the toy of taxis alone and two schedulers: Airflow and warehouse on Postgres, files land on S3."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / "sitecustomize.py").write_text(_ONLY_TAXI)
    airflow_url = postgres.database()
    plain = environment.airflow

    def on_postgres(*args: Any, **kwargs: Any) -> dict[str, str]:
        return plain(*args, **kwargs) | {
            "PYTHONPATH": f"{folder}:{PROJECT}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow_url,
            # Else Airflow asks for asyncpg; psycopg speaks both ways.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": airflow_url.replace("+psycopg", "+psycopg_async"),
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "airflow", on_postgres)
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
        patch.setattr(usecases, "_folders", lambda *_: {"taxi": TOYS / "taxi"})
        patch.setenv("RATCHET_HOME", str(folder / "home"))
        patch.setenv("RATCHET_WAREHOUSE_URL", postgres.database())
        patch.setenv("RATCHET_LANDING", f"s3://{s3.BUCKET}/{folder.name}")
        for name, value in s3_server.environment.items():
            patch.setenv(name, value)
        landings.s3_client.cache_clear()
        patch.setenv("RATCHET_AIRFLOW_PORT", str(ports.free_port("127.0.0.1")))
        usecases.all.cache_clear()
        load_settings.cache_clear()
        settings = load_settings()
        stack = processes.start(settings)
        try:
            stacks.start(stack, SECOND)
            stack.wait_until_healthy()
            with Client(settings) as client:
                result = Place(stack=stack, client=client, server=postgres, airflow_url=airflow_url)
                for stage in ("ingest", "score", "label_trigger", "late_labels"):
                    result.eventually(lambda stage=stage: f"taxi_{stage}" in client.dags() or None)
                yield result
        finally:
            stack.stop()
            warehouse.engine(settings.warehouse_url).dispose()
            warehouse.engine(airflow_url).dispose()
    usecases.all.cache_clear()
    load_settings.cache_clear()


def test_airflow_backfills_a_month_by_two_schedulers_and_every_night_is_there_once(place: Place) -> None:
    client, settings = place.client, place.stack.settings
    began = time.monotonic()
    body = {
        "dag_id": "taxi_ingest",
        "from_date": f"{MONTH.first}T00:00:00Z",
        "to_date": f"{MONTH.last}T23:59:59Z",
        "max_active_runs": 4,
    }
    client.pause("taxi_ingest", paused=False)
    backfill = client.request("POST", "backfills", json=body).json()["id"]
    place.eventually(lambda: client.request("GET", f"backfills/{backfill}").json()["completed_at"], seconds=1200)
    seconds = time.monotonic() - began
    runs = {run.key: run.state for run in client.runs("taxi_ingest") if run.key in map(str, MONTH)}
    assert runs == dict.fromkeys(map(str, MONTH), "success")
    engine = warehouse.engine(settings.warehouse_url)
    taken = warehouse.ingestions(engine, "taxi", MONTH.first, MONTH.last)
    assert [each.night for each in taken if each.source_table == "rides"] == list(MONTH)
    ledger.verify(engine)
    with warehouse.engine(place.airflow_url).connect() as connection:
        beats = connection.execute(
            sa.text("SELECT id FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'")
        ).all()
        queued = connection.execute(
            sa.text("SELECT DISTINCT queued_by_job_id FROM task_instance WHERE queued_by_job_id IS NOT NULL")
        ).all()
        tries = connection.scalar(sa.text("SELECT MAX(try_number) FROM task_instance WHERE dag_id = 'taxi_ingest'"))
    assert len(beats) == 2
    reported = f"{len(runs)} nights in {seconds:.0f} s, queued by {len(queued)} schedulers, at most {tries} tries"
    print(reported)  # noqa: T201 - what it is run for
    assert len(queued) == 2


def test_labels_that_land_late_in_a_bucket_are_told_by_the_triggerer_and_taken_once(
    place: Place, tmp_path: Path
) -> None:
    client, settings = place.client, place.stack.settings
    engine, landed = (
        warehouse.engine(settings.warehouse_url),
        landing.period_location(settings.landing, "taxi", periods.parse(LATE)),
    )
    before = warehouse.count_labels(engine, "taxi")
    rides = pd.read_csv(landed.fetch("rides.csv", tmp_path), dtype=str, keep_default_na=False)
    landed.put("rides.late.csv", rides.head(1).assign(ride="999").to_csv(index=False).encode())
    client.pause("taxi_late_labels", paused=False)
    (run,) = place.eventually(lambda: [each for each in client.runs("taxi_late_labels") if each.ended] or None)
    assert (run.state, warehouse.count_labels(engine, "taxi")) == ("success", before + 1)
    time.sleep(THREE_LOOKS_SECONDS)
    assert [each.id for each in client.runs("taxi_late_labels")] == [run.id]


def away(place: Place) -> None:
    """Let Postgres be away for fifteen seconds."""
    place.server.stop()
    time.sleep(AWAY_SECONDS)
    place.server.start()


def killed(place: Place) -> None:
    """Kill every process of Postgres, and let it find its way back from its log."""
    place.server.kill()
    place.server.start()


def without_schedulers(place: Place) -> None:
    """Kill both schedulers."""
    stacks.kill(place.stack, "scheduler", SECOND)


@contextlib.contextmanager
def within(home: Path, warehouse_url: str) -> Iterator[Settings]:
    """Let this process be in another house; what it starts meanwhile would be, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        patch.setenv("RATCHET_WAREHOUSE_URL", warehouse_url)
        patch.setenv("RATCHET_LANDING", str(home / "landing"))
        load_settings.cache_clear()
        yield load_settings()
    load_settings.cache_clear()


@pytest.fixture(scope="module")
def undisturbed(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a house in which the month was taken without Airflow."""
    with within(tmp_path_factory.mktemp("undisturbed"), place.server.database()) as settings:
        warehouse.migrate(settings.warehouse_url)
        nightly.run("taxi", str(MONTH))
    yield settings
    warehouse.engine(settings.warehouse_url).dispose()


@pytest.mark.parametrize(
    ("key", "disturb"),
    [("2024-04-01", away), ("2024-04-02", killed), ("2024-04-03", without_schedulers)],
    ids=["Postgres is away", "Postgres is killed", "the schedulers are killed"],
)
def test_a_night_that_is_disturbed_in_its_middle_ends_as_if_it_had_not_been(
    place: Place, undisturbed: Settings, key: str, disturb: Callable[[Place], None]
) -> None:
    client = place.client
    place.eventually(lambda: client.trigger("taxi_ingest", run=key, key=key))

    def begun() -> bool | None:
        path = f"dags/taxi_ingest/dagRuns/{key}/taskInstances"
        result = client.request("GET", path).json()["task_instances"]
        return any(task["state"] == "running" for task in result) or None

    place.eventually(begun)
    disturb(place)
    began = time.monotonic()
    assert place.ended("taxi_ingest", key).state == "success"
    print(f"ended {time.monotonic() - began:.0f} s after what disturbed it was over")  # noqa: T201 - what it is run for
    with within(undisturbed.home, undisturbed.warehouse_url):
        nightly.run("taxi", key)
    assert stacks.left(undisturbed, key) == stacks.left(place.stack.settings, key)
