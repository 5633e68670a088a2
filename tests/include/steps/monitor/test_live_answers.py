"""How many entities were answered live, how late the snapshots were, and how well answers did by hour and lead time."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

import pandas as pd
import pytest

from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import build, snapshot_archive
from include.steps.ingest import intraday
from include.steps.monitor import live_answers, performance
from include.steps.monitor.performance import EVENT_HOUR
from include.steps.score import prediction_log
from include.stores import lake, table_snapshot, warehouse
from include.stores.request_log import RequestLog
from include.stores.warehouse import Metric
from ml.metrics import probability
from ml.rollout.routing import Route
from ml.targets import binary
from ml.usecase import Cost, Slice, UseCase, periods
from tests.include.steps.conftest import NIGHT
from tests.include.steps.score.test_prediction_log import record

Arrive = Callable[[str], Settings]
TARGET = binary.Target(cost=Cost(act=1, miss=2, averted=0.9), prior=0.5)
DATE = periods.parse(NIGHT).last


@pytest.fixture
def settings(arrive: Arrive) -> Settings:
    """A home with a night that is over."""
    return arrive("monitor")


def entities(case: UseCase, settings: Settings) -> pd.DataFrame:
    rows = lake.read(lake.address(settings.lake, "taxi", "valid", case.entities), NIGHT, NIGHT)
    return rows.set_index("entity").sort_values("pickup_at")


def log(case: UseCase, settings: Settings, answers: Iterable[dict[str, object]]) -> None:
    """Let a server have logged these answers of the live model."""
    log = RequestLog(settings.prediction_log / case.at("live").name, 4_000_000)
    for number, fields in enumerate(answers):
        log.append(record(str(number), **({"night": NIGHT, "snapshot": snapshot(8)} | fields)))
    prediction_log.collect(case.at("live").name)
    log.close()


def snapshot(hour: float) -> str:
    """Return the name of a snapshot of the night, some hours after midnight (UTC)."""
    moment = datetime(2024, 3, 17, tzinfo=UTC) + timedelta(hours=hour)
    return f"{snapshot_archive.name_of(moment)}.0123456789ab"


def measured(case: UseCase, settings: Settings) -> dict[str, Metric]:
    """Return the metrics of the live model's answers on the night, by name, or by name and slice."""
    context = StepContext(case=case.at("live"), settings=settings).at(DATE)
    live_answers.measure(context, TARGET, table_snapshot.take(context.case, settings))
    found = warehouse.metrics(context.engine, context.case.name, DATE, DATE)
    return {each.metric if each.slice == "all" else f"{each.metric} {each.slice}": each for each in found}


def test_coverage_is_the_share_of_entities_with_an_answer_from_a_live_snapshot(
    settings: Settings, taxi: UseCase
) -> None:
    names = list(entities(taxi, settings).index)
    answered = [{"entity": each} for each in names[:15]]
    others = (
        {"entity": names[0]},
        {"entity": names[20], "route": Route.SHADOW},
        {"entity": names[21], "fault": "SnapshotError: none", "score": None},
        {"entity": names[22], "snapshot": None},
        {"entity": "unknown"},
    )
    log(taxi, settings, [*answered, *others])
    coverage = measured(taxi, settings)[live_answers.COVERAGE]
    assert (coverage.value, coverage.n) == (15 / 60, 60)


def test_a_day_without_a_server_and_without_snapshots_has_no_coverage_and_one_long_gap(
    settings: Settings, taxi: UseCase
) -> None:
    metrics, rows = measured(taxi, settings), entities(taxi, settings)
    span = rows["pickup_at"].max() - (rows["pickup_at"].min() - timedelta(hours=2))
    assert (metrics[live_answers.COVERAGE].value, metrics[live_answers.LATE].value) == (0.0, 1.0)
    assert metrics[live_answers.LONGEST_GAP].value == span / timedelta(minutes=1)
    assert metrics[live_answers.LATE].n == 0


def test_gaps_are_counted_between_the_first_cutoff_and_the_last_event(settings: Settings, taxi: UseCase) -> None:
    rows = entities(taxi, settings)
    first, last = rows["pickup_at"].min() - timedelta(hours=2), rows["pickup_at"].max()
    moment, skipped = first, first + timedelta(hours=3)
    while moment <= last + timedelta(hours=2):
        if not skipped < moment < skipped + timedelta(hours=2):
            name = f"{snapshot_archive.name_of(moment)}.0123456789ab"
            warehouse.record_snapshot(
                StepContext(case=taxi, settings=settings).engine, "taxi-live", name, night=DATE, manifest="{}"
            )
        moment += timedelta(minutes=15)
    metrics = measured(taxi, settings)
    assert metrics[live_answers.LATE].value == 1
    assert metrics[live_answers.LONGEST_GAP].value == pytest.approx(120, abs=15)


def test_the_quality_of_answers_is_measured_by_the_hours_from_their_snapshot_to_the_event(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_answers, "_MIN_ROWS", 10)
    rows, engine = entities(taxi, settings), StepContext(case=taxi, settings=settings).engine
    labels = warehouse.labels(engine, "taxi", taxi.at("live").complete_at(DATE)).set_index("entity")["label"]
    answers = []
    for number, (entity, event) in enumerate(rows["pickup_at"].items()):
        lead = timedelta(minutes=30 if number % 2 else 90)
        name = f"{snapshot_archive.name_of(event - lead)}.0123456789ab"
        answers.append({"entity": entity, "snapshot": name, "score": 0.9 if number % 2 else 0.2})
    log(taxi, settings, answers)
    metrics = measured(taxi, settings)
    late = [each for number, each in enumerate(rows.index) if number % 2 and each in labels.index]
    near, far = metrics["log_loss hours_before=0"], metrics["log_loss hours_before=1"]
    assert near.n == len(late) > 10
    assert near.value == pytest.approx(probability.log_loss(labels[late].to_numpy(), pd.Series(0.9, late).to_numpy()))
    assert far.n + near.n == len(labels.index.intersection(rows.index))
    assert {name.split()[1] for name in metrics if " hours_before" in name} == {"hours_before=0", "hours_before=1"}


def test_bulk_scores_are_measured_by_the_local_hour_of_the_event(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performance, "Slice", partial(Slice, min_rows=1))
    live, rows = taxi.at("live"), entities(taxi, settings)
    scores = pd.DataFrame({"entity": rows.index, "model_digest": "m" * 64, "score": 0.3})
    engine = StepContext(case=taxi, settings=settings).engine
    warehouse.publish_scores(engine, live.name, DATE, [scores], datetime(2024, 3, 18, tzinfo=UTC), 1, {"m" * 64: True})
    following = periods.parse("2024-03-18").last
    context = NightContext(case=live, settings=settings, night=following)
    performance.measure(context, TARGET, table_snapshot.take(live, settings))
    parts = warehouse.metrics(engine, live.name, following, following, metric="log_loss")
    by_hour = {each.slice: each.n for each in parts if each.slice.startswith(EVENT_HOUR)}
    known = warehouse.labels(engine, "taxi", taxi.schedule.cutoff(following))["entity"]
    events = rows.loc[rows.index.isin(known), "pickup_at"].dt.tz_convert("Asia/Kolkata")
    assert by_hour == {f"{EVENT_HOUR}={hour:02d}": n for hour, n in events.dt.hour.value_counts().items()}
    assert len(by_hour) > 3


def test_the_night_s_horizon_has_no_live_answers(settings: Settings, taxi: UseCase) -> None:
    context = StepContext(case=taxi, settings=settings).at(DATE)
    live_answers.measure(context, TARGET, table_snapshot.take(taxi, settings))
    assert not warehouse.metrics(context.engine, "taxi", metric=live_answers.COVERAGE)


def test_real_snapshots_of_a_day_are_counted(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    for hour in (8, 9):
        intraday.refresh("taxi", datetime(2024, 3, 17, hour, tzinfo=UTC))
    build.build("taxi", NIGHT)
    assert measured(taxi, settings)[live_answers.LATE].n == 2
