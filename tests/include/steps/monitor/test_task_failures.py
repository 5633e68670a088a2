"""A failed task is an alert of its night until the task succeeds."""

from datetime import UTC, date, datetime

from include.settings import Settings
from include.steps.monitor import task_failures
from include.stores import warehouse
from ml.usecase import UseCase

NIGHT = date(2024, 3, 17)


def alerts(settings: Settings) -> list[tuple[date, str]]:
    return [(each.night, each.message) for each in warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi")]


def test_a_failure_stays_until_its_own_task_succeeds(home: Settings, taxi: UseCase) -> None:
    for _ in range(2):
        task_failures.record("taxi", NIGHT, "ingest.ingest", "the file\n bookings.csv   is missing")
    task_failures.settle("taxi", NIGHT, "ingest.features")
    task_failures.settle("taxi", date(2024, 3, 18), "ingest.ingest")
    assert alerts(home) == [(NIGHT, "ingest.ingest failed: the file bookings.csv is missing")]
    task_failures.settle("taxi", NIGHT, "ingest.ingest")
    assert alerts(home) == []


def test_a_failure_without_a_night_belongs_to_the_latest_one_and_is_short(home: Settings, taxi: UseCase) -> None:
    task_failures.record("taxi", None, "missed_nights.check", "x" * 5000)
    ((night, message),) = alerts(home)
    assert night == taxi.schedule.latest_decided(datetime.now(UTC))
    assert len(message) < 1100
    task_failures.settle("taxi", None, "missed_nights.check")
    assert alerts(home) == []
