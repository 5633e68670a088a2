"""What servers looked up is what training reads, or else somebody is told which feature differs."""

from collections.abc import Callable
from typing import Any

import pytest

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.monitor import monitor, served_features
from include.steps.score import prediction_log
from include.stores import ledger, table_snapshot, warehouse
from include.stores.request_log import RequestLog
from ml.rollout.routing import Route
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import NIGHT
from tests.include.steps.score.test_prediction_log import record

Arrive = Callable[[str], Settings]
FOLLOWING = periods.parse("2024-03-18").last
LOOKED_UP = {"snapshot": "2024-03-17.0123456789ab"}


def looked_up(case: UseCase, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the features of each entity of the night, as a server logs them."""
    rows = build.read(settings.lake, case, NIGHT, NIGHT).set_index("entity")[list(case.feature_names)]
    return {str(entity): row.where(row.notna(), None).to_dict() for entity, row in rows.astype(object).iterrows()}


def log(case: UseCase, settings: Settings, answers: dict[str, dict[str, Any]], **changes: object) -> None:
    """Let servers have logged these answers."""
    log = RequestLog(settings.prediction_log / case.name, 2_000_000)
    for place, (entity, features) in enumerate(answers.items()):
        fields = {"entity": entity, "night": NIGHT, "features": features, **LOOKED_UP, **changes}
        log.append(record(f"{place}-{changes}", **fields))
    prediction_log.collect(case.name)
    log.close()


def measured(
    case: UseCase, settings: Settings, night: Any = FOLLOWING
) -> tuple[list[tuple[float | None, int]], list[str]]:
    """Return the metric's values with their counts, and the messages of the alerts, after the measurement."""
    context = StepContext(case=case, settings=settings).at(night)
    served_features.measure(context, table_snapshot.take(case, settings))
    found = warehouse.metrics(context.engine, case.name, night, night, metric=served_features.METRIC)
    alerts = warehouse.alerts(context.engine, case.name, night, night)
    messages = [each.message for each in alerts if each.kind == served_features.ALERT_KIND]
    return [(each.value, each.n) for each in found], messages


def test_answers_from_the_features_that_training_reads_are_equal_to_the_bit(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    answers = looked_up(taxi, settings)
    log(taxi, settings, answers)
    assert measured(taxi, settings) == ([(0.0, len(answers))], [])


def test_a_value_that_differs_in_its_last_bit_is_named_until_it_is_mended(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    answers = looked_up(taxi, settings)
    first = next(iter(answers))
    name = "kilometres"
    wrong = {first: answers[first] | {name: answers[first][name] + 2**-40}}
    log(taxi, settings, answers)
    log(taxi, settings, wrong, at=2_000_000_000.0)
    values, (message,) = measured(taxi, settings)
    assert values == [(1.0, len(answers))]
    assert message.startswith(
        f"answers of {NIGHT} differs from the table of features for {len(answers)} entities: {name}"
    )
    log(taxi, settings, {first: answers[first]}, at=2_000_000_001.0)
    assert measured(taxi, settings) == ([(0.0, len(answers))], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"snapshot": None},
        {"sent": ["kilometres"]},
        {"route": Route.SHADOW},
        {"fault": "SnapshotError: none", "score": None},
    ],
    ids=["an answer without a look-up", "an answer to other values", "a shadow", "a fault"],
)
def test_only_what_was_looked_up_and_answered_is_compared(
    arrive: Arrive, taxi: UseCase, changes: dict[str, object]
) -> None:
    settings = arrive("monitor")
    wrong = {entity: dict.fromkeys(row) for entity, row in looked_up(taxi, settings).items()}
    log(taxi, settings, wrong, **changes)
    assert measured(taxi, settings) == ([], [])


def test_live_answers_of_a_complete_night_are_compared_with_the_live_features(arrive: Arrive, taxi: UseCase) -> None:
    settings, live = arrive("monitor"), taxi.at("live")
    answers = looked_up(live, settings)
    log(live, settings, answers)
    assert measured(live, settings, periods.parse(NIGHT).last) == ([(0.0, len(answers))], [])


def test_the_monitor_compares_them(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    engine = warehouse.engine(settings.warehouse_url)
    assert ledger.champion(engine, "taxi") is not None
    log(taxi, settings, looked_up(taxi, settings))
    monitor.measure("taxi", str(FOLLOWING))
    assert warehouse.metrics(engine, "taxi", metric=served_features.METRIC)
