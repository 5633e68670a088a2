"""How the machinery did is in the warehouse: answers by package and route, and what tasks took."""

from datetime import timedelta

import pytest

from include.settings import Settings
from include.steps.context import NightContext
from include.steps.monitor import serving_metrics
from include.steps.score import prediction_log
from include.stores import warehouse
from include.stores.request_log import RequestLog
from include.stores.warehouse import TaskTime
from ml.rollout.routing import Route
from ml.usecase import UseCase
from tests.include.steps.score.test_prediction_log import NIGHT, record


def metrics(case: UseCase, settings: Settings, **of: str) -> dict[str, float | None]:
    result = warehouse.metrics(warehouse.engine(settings.warehouse_url), case.name, NIGHT, NIGHT, **of)  # type: ignore[arg-type]
    return {each.metric: each.value for each in result}


def test_answers_are_counted_by_package_and_shadows_by_themselves(taxi: UseCase, home: Settings) -> None:
    journal = RequestLog(home.prediction_log / taxi.name, 100_000)
    reported = [
        ("a", 10.0, {"latency_ms": 1.0}),
        ("b", 10.5, {"latency_ms": 3.0}),
        (
            "c",
            12.0,
            {"package": "q", "route": Route.CANARY, "score": None, "fault": "ValueError: no", "latency_ms": 9.0},
        ),
        ("a", 10.1, {"package": "q", "route": Route.SHADOW, "latency_ms": 4.0}),
        ("d", 10.2, {"night": str(NIGHT + timedelta(days=1)), "latency_ms": 500.0}),
    ]
    for request, at, changes in reported:
        journal.append(record(request, at=at, **changes))
    assert prediction_log.collect(taxi.name) == len(reported)
    for _ in range(2):
        serving_metrics.measure(NightContext(case=taxi, night=NIGHT, settings=home))
    champion = metrics(taxi, home, model_digest="p", slice="all")
    assert champion == pytest.approx(
        {"predictions": 2, "error_rate": 0, "latency_p50_ms": 2, "latency_p99_ms": 2.98, "peak_per_second": 2}
    )
    assert metrics(taxi, home, model_digest="q", slice="all")["error_rate"] == 1.0
    assert metrics(taxi, home, slice="route=shadow")["latency_p50_ms"] == 4.0
    journal.close()


def test_where_nobody_asked_there_is_nothing_to_tell(taxi: UseCase, home: Settings) -> None:
    serving_metrics.measure(NightContext(case=taxi, night=NIGHT, settings=home))
    assert metrics(taxi, home) == {}


def test_a_task_is_kept_with_its_last_try(taxi: UseCase, home: Settings) -> None:
    serving_metrics.record_task(taxi.name, str(NIGHT), "score.issue", 9.0, 1, failed=True)
    serving_metrics.record_task(taxi.name, str(NIGHT), "score.issue", 2.0, 2, failed=False)
    window = f"{NIGHT - timedelta(days=3)}..{NIGHT}"
    serving_metrics.record_task(taxi.name, window, "train.fit[0]", 5.0, 1, failed=True)
    assert metrics(taxi, home, slice="task=score.issue") == {"task_seconds": 2.0, "task_failed": 0.0}
    assert metrics(taxi, home, slice="task=train.fit[0]") == {"task_seconds": 5.0, "task_failed": 1.0}
    engine = warehouse.engine(home.warehouse_url)
    assert warehouse.task_times(engine, taxi.name, NIGHT) == (TaskTime(night=NIGHT, seconds=7.0, retries=1),)
    assert warehouse.task_times(engine, taxi.name, NIGHT + timedelta(days=1)) == ()
