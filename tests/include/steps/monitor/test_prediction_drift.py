"""Scores and requests are held against what the champion learned, as far as there are enough of them."""

from collections.abc import Callable

import pandas as pd
import pytest

from include.settings import Settings
from include.steps.monitor import monitor, prediction_drift
from include.steps.score import prediction_log, score
from include.stores import ledger, report_paths, warehouse
from include.stores.request_log import RequestLog
from ml.rollout.routing import Route
from ml.usecase import UseCase, periods
from tests.include.steps.score.test_prediction_log import record

Arrive = Callable[[str], Settings]
NIGHT = periods.parse("2024-03-18").last


def ask(case: UseCase, settings: Settings, rows: int, *, hour: float, **changes: object) -> str:
    """Let the champion be asked `rows` times with one hour, and return its digest."""
    champion = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
    assert champion is not None
    journal = RequestLog(settings.prediction_log / case.name, 2_000_000)
    for place in range(rows):
        features = dict.fromkeys(case.feature_names, None) | {"pickup_hour": hour}
        reported = {"package": champion.subject, "night": str(NIGHT), "features": features, **changes}
        journal.append(record(f"{hour}-{place}", **reported))
    prediction_log.collect(case.name)
    journal.close()
    return champion.subject


def metrics(case: UseCase, settings: Settings) -> dict[tuple[str, str], float | None]:
    result = warehouse.metrics(warehouse.engine(settings.warehouse_url), case.name, NIGHT, NIGHT)
    return {(each.slice, each.metric): each.value for each in result}


def test_requests_that_are_all_alike_have_moved_and_those_of_shadows_are_not_counted(
    arrive: Arrive, taxi: UseCase
) -> None:
    settings = arrive("monitor")
    ask(taxi, settings, 100, hour=3.0)
    ask(taxi, settings, 50, hour=4.0, route=Route.SHADOW)
    monitor.measure("taxi", str(NIGHT))
    result = metrics(taxi, settings)
    assert result["requests", "psi:pickup_hour"] > 1.0  # type: ignore[operator]
    assert 0 < result["all", "requests_drifted_share"] <= 1  # type: ignore[operator]
    asked = [each.n for each in warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi", slice="requests")]
    assert set(asked) == {100}


def test_too_few_requests_are_not_measured(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    ask(taxi, settings, 99, hour=3.0)
    monitor.measure("taxi", str(NIGHT))
    assert ("all", "requests_drifted_share") not in metrics(taxi, settings)


def test_the_scores_of_the_night_are_held_against_the_model_s_own_on_what_it_learned(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_drift, "_MIN_ROWS", 1)
    settings = arrive("monitor")
    score.score("taxi", str(NIGHT))
    monitor.measure("taxi", str(NIGHT))
    moved = metrics(taxi, settings)["all", "prediction_drift_psi"]
    assert moved is not None
    assert 0 <= moved < 1


def test_a_page_is_written_of_the_scores(home: Settings) -> None:
    frame = pd.DataFrame({"score": [0.1, 0.2, 0.3, 0.4] * 10})
    report_paths.write_drift_report(
        report_paths.drift_report(home.reports, "taxi", NIGHT, "scores"), frame, frame + 0.5
    )
    assert b"score" in (home.reports / "taxi" / str(NIGHT) / "drift_of_scores.html").read_bytes()
