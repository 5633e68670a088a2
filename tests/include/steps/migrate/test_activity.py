"""Nothing may run in a house that is moved: no scheduler, no night in flight, no server."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.installation import Installation
from include.settings import read_settings
from include.steps.migrate import activity
from include.stores.request_log import RequestLog
from ml.errors import SetupError

NOW = datetime(2024, 3, 1, 2, tzinfo=UTC)


def house(folder: Path, **more: str) -> Installation:
    variables = {"RATCHET_HOME": str(folder), **more}
    return Installation(settings=read_settings(variables), variables=variables)


def airflow(
    folder: Path, *, beat: datetime = NOW - timedelta(hours=1), job: str = "running", runs: dict[str, str]
) -> None:
    """Make the tables of Airflow that tell what runs, as SQLite has them."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "airflow.db")) as database, database:
        database.execute("CREATE TABLE dag_run (dag_id, run_id, state, run_after)")
        database.execute("CREATE TABLE job (job_type, state, latest_heartbeat)")
        database.execute("INSERT INTO job VALUES ('SchedulerJob', ?, ?)", (job, f"{beat:%Y-%m-%d %H:%M:%S.000000}"))
        database.executemany("INSERT INTO dag_run VALUES ('taxi_ingest', ?, ?, 0)", runs.items())


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        pytest.param(
            {"runs": {"night": "running"}}, "taxi_ingest night did not end: let it end", id="a night in flight"
        ),
        pytest.param({"runs": {"night": "queued"}}, "taxi_ingest night did not end", id="a night that is to begin"),
        pytest.param(
            {"runs": dict.fromkeys("abcde", "running")}, "taxi_ingest a, .* c and 2 more did not end", id="many"
        ),
        pytest.param(
            {"runs": {}, "beat": NOW - timedelta(seconds=20)},
            "a scheduler .* was alive at 2024-03-01",
            id="a scheduler",
        ),
    ],
)
def test_what_runs_is_named(tmp_path: Path, happens: dict[str, object], said: str) -> None:
    airflow(tmp_path / "airflow", **happens)  # type: ignore[arg-type]
    with pytest.raises(
        SetupError, match=f"expected nothing to run while an installation is migrated or upgraded, but {said}"
    ):
        activity.check_idle(house(tmp_path), NOW)


@pytest.mark.parametrize(
    "happened",
    [
        pytest.param({"runs": {"a": "success", "b": "failed"}}, id="nights that ended"),
        pytest.param({"runs": {}, "beat": NOW, "job": "success"}, id="a scheduler that signed off"),
        pytest.param({"runs": {}}, id="a scheduler that was killed long ago"),
    ],
)
def test_what_ended_does_not_run(tmp_path: Path, happened: dict[str, object]) -> None:
    airflow(tmp_path / "airflow", **happened)  # type: ignore[arg-type]
    activity.check_idle(house(tmp_path), NOW)


def test_where_no_airflow_ever_was_nothing_runs(tmp_path: Path) -> None:
    activity.check_idle(house(tmp_path), NOW)
    elsewhere = house(tmp_path, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{tmp_path}/new.db")
    activity.check_idle(elsewhere, NOW)


def test_airflow_is_asked_where_the_variables_say_it_is(tmp_path: Path) -> None:
    airflow(tmp_path / "elsewhere", runs={"night": "running"})
    with pytest.raises(SetupError, match="night did not end"):
        activity.check_idle(
            house(tmp_path, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{tmp_path}/elsewhere/airflow.db"), NOW
        )


def test_a_stack_whose_airflow_is_not_named_is_not_taken_for_idle(tmp_path: Path) -> None:
    with pytest.raises(
        SetupError, match="cannot see whether a night is in flight at db: expected AIRFLOW__.*--assume-idle"
    ):
        activity.check_idle(house(tmp_path, RATCHET_WAREHOUSE_URL="postgresql+psycopg://a:b@db/r"), NOW)


def test_an_airflow_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://ann:secret@127.0.0.1:1/airflow"
    with pytest.raises(
        SetupError, match="the database postgresql.*/airflow cannot be reached: .*Connection refused"
    ) as reported:
        activity.check_idle(house(tmp_path, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url), NOW)
    assert "secret" not in str(reported.value)


def test_a_server_that_answers_writes_and_one_that_ended_does_not(tmp_path: Path) -> None:
    settings = house(tmp_path)
    journal = RequestLog(settings.settings.prediction_log / "taxi", segment_bytes=4096)
    with pytest.raises(SetupError, match="a server answers for taxi and writes to .*: stop it"):
        activity.check_idle(settings, NOW)
    journal.close()
    activity.check_idle(settings, NOW)
