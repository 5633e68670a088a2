"""A red task is an alert on the dashboard, whatever notifier is set, until the task succeeds."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from ratchet import request, task_durations
from ratchet.notifiers import FailureNotifier

from include import notifications
from include.dashboard import pages
from include.settings import Settings
from include.stores import warehouse
from ml.errors import DataError
from ml.usecase import UseCase

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

NIGHT, NOW = "2024-03-17", datetime(2024, 3, 18, tzinfo=UTC)


class Task(SimpleNamespace):
    """A task instance as Airflow passes it to listeners and notifiers."""

    def get_template_context(self) -> dict[str, Any]:
        return {"ti": self, **self.given}


def task(case: UseCase, stage: str = "ingest", *, night: str | None = NIGHT, params: bool = True) -> Task:
    dag_id = f"{case.name}_{stage}"
    form = request.form_fields(case) if params else {}
    given = {
        "dag_run": SimpleNamespace(partition_key=night, conf={}, run_type="manual"),
        "dag": SimpleNamespace(params=ParamsDict(form), tags=[case.name, stage], dag_id=dag_id),
    }
    return Task(
        dag_id=dag_id,
        task_id="work",
        run_id="run",
        map_index=-1,
        try_number=1,
        start_date=datetime.now(UTC),
        given=given,
    )


def fail(case: UseCase, failed: Task, error: Exception) -> None:
    FailureNotifier(case.name).notify(failed.get_template_context() | {"exception": error})


def alerts(settings: Settings) -> list[tuple[date, str, str]]:
    reported = warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi")
    return [(each.night, each.subject, each.message) for each in reported if each.kind == "task_failed"]


def test_a_red_night_is_an_alert_on_the_dashboard_until_it_succeeds(home: Settings, taxi: UseCase) -> None:
    red = task(taxi)
    fail(taxi, red, DataError("the file bookings.csv is missing"))
    reported = "ingest.work failed: the file bookings.csv is missing"
    assert alerts(home) == [(date(2024, 3, 17), "ingest.work", reported)]
    assert reported in pages.index(home, NOW, "/ratchet")
    task_durations.on_task_instance_success(None, task(taxi, night="2024-03-18"))
    assert len(alerts(home)) == 1
    task_durations.on_task_instance_success(None, red)
    assert alerts(home) == []


@pytest.mark.parametrize(
    ("stage", "night", "params"),
    [
        pytest.param("collect_predictions", None, False, id="a DAG without nights"),
        pytest.param("ingest", "2131-03-03", True, id="a night to come"),
        pytest.param("ingest", "tomorrow", True, id="no night"),
        pytest.param("ingest", None, True, id="no period"),
    ],
)
def test_a_red_task_without_a_usable_night_is_an_alert_of_the_latest(
    home: Settings, taxi: UseCase, stage: str, night: str | None, params: bool
) -> None:
    red = task(taxi, stage, night=night, params=params)
    fail(taxi, red, DataError("no"))
    [(at, subject, _)] = alerts(home)
    assert (at, subject) == (taxi.schedule.latest_decided(datetime.now(UTC)), f"{stage}.work")
    task_durations.on_task_instance_success(None, red)
    assert alerts(home) == []


def test_a_full_disk_is_told_as_full(home: Settings, taxi: UseCase) -> None:
    fail(taxi, task(taxi), OSError(28, "No space left on device", "/data/lake"))
    assert "the disk of /data/lake is full" in alerts(home)[0][2]


def test_a_warehouse_that_is_away_keeps_no_message_back(
    home: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(notifications, "send", lambda title, _: sent.append(title))
    (home.home / "warehouse.db").write_bytes(b"no database" * 1000)
    fail(taxi, task(taxi), DataError("no"))
    assert sent == ["taxi_ingest.work failed"]
