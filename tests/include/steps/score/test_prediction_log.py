"""Every answer of a server comes into the lake once, whoever moves it, how often, and wherever that is stopped."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from include.serving.handler import PredictionRecord
from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.score import prediction_log
from include.stores import lake, prediction_table, request_log
from include.stores.request_log import RequestLog
from ml.rollout.routing import Route
from ml.usecase import UseCase, periods

NIGHT = periods.parse("2024-03-16").last
EVER = datetime(2000, 1, 1, tzinfo=UTC)


def record(request: str, at: float = 1e9, **changes: object) -> bytes:
    reported: dict[str, object] = {
        "request": request,
        "row_index": 0,
        "at": at,
        "protocol": "native",
        "entity": "e",
        "package": "p",
        "route": Route.CHAMPION,
        "score": 0.5,
        "fault": None,
        "latency_ms": 1.0,
        "night": str(NIGHT),
        "features": {"hour": 1.0},
    }
    return msgspec.json.encode(PredictionRecord(**(reported | changes)))


@pytest.fixture
def written(home: Settings, taxi: UseCase) -> RequestLog:
    return RequestLog(home.prediction_log / taxi.name, 100_000)


def moved(case: UseCase, settings: Settings) -> list[str]:
    return list(
        prediction_log.read(StepContext(case=case, settings=settings), NIGHT, EVER).sort_values("at")["request"]
    )


def test_answers_are_moved_once_and_finished_journals_removed(
    written: RequestLog, taxi: UseCase, home: Settings
) -> None:
    written.append(record("one"))
    assert prediction_log.collect(taxi.name) == 1
    assert prediction_log.collect(taxi.name) == 0
    written.append(record("two", at=2e9))
    assert prediction_log.collect(taxi.name) == 1
    written.close()
    assert request_log.segments(home.prediction_log / taxi.name)
    assert prediction_log.collect(taxi.name) == 0
    assert request_log.segments(home.prediction_log / taxi.name) == ()
    assert moved(taxi, home) == ["one", "two"]


def test_a_drain_stopped_before_it_removed_the_journal_moves_nothing_twice(
    written: RequestLog, taxi: UseCase, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.append(record("one"))
    written.close()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prediction_log.collect(taxi.name)
    assert prediction_log.collect(taxi.name) == 0
    assert moved(taxi, home) == ["one"]


def test_two_drains_at_once_move_each_answer_once(written: RequestLog, taxi: UseCase, home: Settings) -> None:
    names = [f"request {number}" for number in range(50)]
    for name in names:
        written.append(record(name))
    drains = [threading.Thread(target=prediction_log.collect, args=[taxi.name]) for _ in range(4)]
    for each in drains:
        each.start()
    for each in drains:
        each.join()
    prediction_log.collect(taxi.name)
    assert sorted(moved(taxi, home)) == sorted(names)
    written.close()


def test_a_fault_and_an_answer_without_a_snapshot_keep_their_place(
    written: RequestLog, taxi: UseCase, home: Settings
) -> None:
    at = datetime(2024, 3, 16, 5, tzinfo=UTC).timestamp()
    written.append(record("r", at, score=None, fault="DataError: no", night=None, entity=None, route=Route.CANARY))
    prediction_log.collect(taxi.name)
    (row,) = prediction_log.read(StepContext(case=taxi, settings=home), NIGHT, EVER).to_dict("records")
    assert pd.isna(row["score"])
    assert (row["fault"], row["night"], row["entity"], row["route"]) == ("DataError: no", "2024-03-16", None, "canary")
    assert row["features"] == '{"hour": 1.0}'
    written.close()


def test_answers_of_before_a_moment_are_left_out_and_so_are_nights_of_the_batch(
    written: RequestLog, taxi: UseCase, home: Settings
) -> None:
    written.append(record("old", at=1e9))
    written.append(record("new", at=2e9))
    written.close()
    prediction_log.collect(taxi.name)
    rest = prediction_log.read(StepContext(case=taxi, settings=home), NIGHT, EVER)
    for night in ("2024-03-16", "2024-03-17"):
        batch = rest.assign(request=f"batch {night}", night=night, protocol=prediction_log.BATCH)
        prediction_log.put(batch, NightContext(case=taxi, night=periods.parse(night).last, settings=home))
    result = prediction_log.read(StepContext(case=taxi, settings=home), NIGHT, datetime.fromtimestamp(1.5e9, UTC))
    assert sorted(set(result["request"])) == ["batch 2024-03-17", "new"]


def test_the_client_s_own_id_is_kept_beside_the_server_s_also_in_a_table_from_before_there_was_one(
    written: RequestLog, taxi: UseCase, home: Settings
) -> None:
    context = StepContext(case=taxi, settings=home)
    uri = prediction_log.address(context, prediction_table.REST)
    written.append(record("one"))
    written.append(record("two", at=2e9, client_request="mine"))
    written.close()
    segment, *_ = request_log.segments(home.prediction_log / taxi.name)
    old, _ = request_log.read(segment).records
    lake.append(uri, prediction_log._frame((old,)).drop(columns="client_request"), "a server of before", 1)
    prediction_log.collect(taxi.name)
    rows = lake.read(uri).sort_values("at")
    assert list(rows["request"]) == ["one", "one", "two"]
    assert list(rows["client_request"].fillna("none")) == ["none", "none", "mine"]
    assert len(prediction_log.read(context, NIGHT, EVER)) == 3
