"""The operator that waits for files defers to the triggerer, and ingests once the trigger has fired."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from ratchet import request
from ratchet.arrivals import IngestOperator, NightFilesTrigger

from include.steps import before_history
from include.steps import ingest as ingest_step
from include.steps.ingest import arrivals, required_tables
from include.steps.ingest.arrivals import Wait
from ml.errors import DataError, SetupError

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NIGHT = "2024-03-17"
WAIT = Wait(missing=("rides",), unsettled=(), until=datetime(2024, 3, 17, 6, tzinfo=UTC))


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operator called, in order."""
    calls: list[str] = []

    def record(name: str, result: Any = None) -> Any:
        return lambda *_: calls.append(name) or result

    monkeypatch.setattr(request, "period", lambda _: NIGHT)
    monkeypatch.setattr(arrivals, "announce", record("announce"))
    monkeypatch.setattr(arrivals, "finish", record("finish"))
    monkeypatch.setattr(ingest_step, "ingest", record("ingest", {"rows_in": 2}))
    monkeypatch.setattr(before_history, "warn", record("warn"))
    monkeypatch.setattr(required_tables, "check", record("check"))
    monkeypatch.setattr("include.notifications.send_alerts", record("send"))
    return calls


def looks(monkeypatch: pytest.MonkeyPatch, *results: Wait | Exception | None) -> None:
    """Let the files be listed with these results, one after the other."""
    coming = iter(results)

    def find_wait(*_: Any) -> Wait | None:
        result = next(coming)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(arrivals, "find_wait", find_wait)


@pytest.fixture
def operator() -> IngestOperator:
    return IngestOperator(task_id="ingest", use_case="taxi", poll_seconds=0.001)


def test_a_night_whose_files_are_there_is_ingested_at_once(
    operator: IngestOperator, happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, None)
    assert operator.execute({}) == {"rows_in": 2}
    assert happened == ["ingest", "finish", "warn", "check"]


def test_a_night_waits_without_a_worker_and_goes_on_when_the_files_are_there(
    operator: IngestOperator, happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, WAIT, WAIT, SetupError("the bucket does not answer"), None)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute({})
    assert happened == ["announce", "send"]
    path, arguments = deferred.value.trigger.serialize()
    assert path == f"{NightFilesTrigger.__module__}.{NightFilesTrigger.__name__}"

    async def fires() -> list[Any]:
        return [event.payload async for event in NightFilesTrigger(**arguments).run()]

    (payload,) = asyncio.run(fires())
    assert payload == {"period": NIGHT}
    assert getattr(operator, deferred.value.method_name)({}, payload) == {"rows_in": 2}
    assert happened[2:] == ["ingest", "finish", "warn", "check"]


def test_when_the_time_is_over_the_reason_is_that_of_the_ingestion(
    operator: IngestOperator, happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise DataError("expected a file of 'rides'")

    monkeypatch.setattr(ingest_step, "ingest", fail)
    with pytest.raises(DataError, match="expected a file of 'rides'"):
        operator.ingest({}, {"period": NIGHT})
    assert happened == ["finish"]


def test_a_message_that_cannot_be_sent_does_not_end_the_wait(
    operator: IngestOperator, happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, WAIT)
    monkeypatch.setattr("include.notifications.send_alerts", lambda *_: SimpleNamespace().missing)
    with pytest.raises(TaskDeferred):
        operator.execute({})
    assert happened == ["announce"]
