"""What scores are expected to come to, what they came to, by slice, and the labels that are lacking."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps.context import NightContext
from include.steps.monitor import monitor, performance
from include.stores import ledger, table_snapshot, warehouse
from include.stores.warehouse import Metric
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.metrics import estimation, probability
from ml.targets import binary
from ml.usecase import Cost, Slice, UseCase, periods
from tests import published, recorded
from tests.include.steps.conftest import STEPS

Arrive = Callable[[str], Settings]


def reported(settings: Settings, **asked: str) -> dict[str, list[Metric]]:
    """Return the metrics that monitoring left, by name."""
    result: dict[str, list[Metric]] = {}
    for each in warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi", **asked):
        result.setdefault(each.metric, []).append(each)
    return result


def test_tonight_s_scores_are_expected_to_come_to_something_and_later_it_is_told_how_far_off_that_was(
    arrive: Arrive, taxi: UseCase
) -> None:
    settings = arrive("monitor")
    STEPS["monitor"]()
    engine, result = warehouse.engine(settings.warehouse_url), reported(settings, slice=performance.ALL)
    (measured,) = result["log_loss"]
    rows = warehouse.matured_scores(engine, "taxi", measured.night, measured.night, datetime.max.replace(tzinfo=UTC))
    assert isinstance(taxi.cost, Cost)
    expected = estimation.estimate_performance(rows["score"].to_numpy(), taxi.cost)["log_loss"]
    seen = probability.log_loss(rows["label"].to_numpy(), rows["score"].to_numpy())
    (missed,) = result["estimation_error_log_loss"]
    assert missed.value == pytest.approx(seen - expected.value)


def test_of_a_night_without_labels_it_is_expected_with_an_interval(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    engine = warehouse.engine(settings.warehouse_url)
    night = warehouse.last_scored_night(engine, "taxi")
    assert night is not None
    monitor.measure("taxi", str(night))
    scores = warehouse.scores(engine, "taxi", night)["score"].to_numpy()
    (expected,) = reported(settings)["expected_log_loss"]
    assert isinstance(taxi.cost, Cost)
    wanted = estimation.estimate_performance(scores, taxi.cost)["log_loss"]
    assert (expected.value, expected.low, expected.high, expected.n) == (
        pytest.approx(wanted.value),
        pytest.approx(wanted.low),
        pytest.approx(wanted.high),
        len(scores),
    )
    (lacking,) = reported(settings)["labels_missing"]
    assert (lacking.value, lacking.n) == (len(scores), len(scores))


def test_a_slice_with_enough_rows_is_measured_apart(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    sliced = replace(taxi, slices=(Slice(feature="zone", min_rows=10), Slice(feature="kilometres", min_rows=10_000)))
    monkeypatch.setattr(usecases, "get", lambda _: sliced)
    STEPS["monitor"]()
    parts = {each.slice: each.n for each in reported(settings)["log_loss"]}
    whole = parts.pop(performance.ALL)
    assert parts
    assert all(name.startswith("zone=") and rows >= 10 for name, rows in parts.items())
    assert sum(parts.values()) <= whole


def test_what_the_window_is_expected_to_lose_is_told_of_the_champion_by_its_rows(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    engine, (first, last) = warehouse.engine(settings.warehouse_url), periods.parse("2024-03-17..2024-03-18")
    before = first - timedelta(days=1)
    parts = (
        (before, "mine", 0.1, 99, False),  # in sample
        (first, "mine", 0.4, 10, True),
        (last, "mine", 0.6, 30, True),
        (last, "another", 9.0, 99, True),
    )
    warehouse.record_metrics(
        engine,
        [
            Metric(
                use_case="taxi",
                night=night,
                model_digest=digest,
                slice=performance.ALL,
                metric="expected_log_loss",
                value=value,
                n=n,
                out_of_sample=mark,
            )
            for night, digest, value, n, mark in parts
        ],
    )
    target = binary.Target(cost=Cost(act=1, miss=2, averted=0.9), prior=0.5)
    assert performance.expected_loss(
        NightContext(case=taxi, night=last, settings=settings), "mine", target
    ) == pytest.approx(0.55)
    assert performance.expected_loss(NightContext(case=taxi, night=last, settings=settings), "nobody", target) is None


SCORED, NEXT, LATER = "2024-03-17", "2024-03-18", "2024-03-20"


def relabel(settings: Settings, known_at: str | None = None, *, flipped: int = 0, gone: int = 0) -> None:
    """Let the labels of the scored night come again: known later, the first of them changed, or withdrawn."""
    engine, night = warehouse.engine(settings.warehouse_url), periods.parse(SCORED).last
    rows = warehouse.labels(engine, "taxi", datetime.max.replace(tzinfo=UTC))
    rows = rows[pd.to_datetime(rows["night"]).dt.date == night].sort_values("entity", ignore_index=True)
    changed = rows.assign(label=rows["label"].where(rows.index >= flipped, 1 - rows["label"]), landed=night)
    if known_at:
        changed["known_at"] = pd.Timestamp(known_at, tz="UTC")
    warehouse.record_labels(engine, "taxi", changed.iloc[gone:], removed=list(changed["entity"].head(gone)))


def seen(settings: Settings, night: str) -> tuple[float | None, int | None, float]:
    """Measure as of a night; return loss and rows of the scored night, and how many of its labels are lacking."""
    monitor.measure("taxi", night)
    result = reported(settings, slice=performance.ALL)
    losses = result.get("log_loss", [])
    assert len(losses) <= 1
    lacking = [each.value for each in result["labels_missing"] if str(each.night) == SCORED]
    return (losses[0].value if losses else None), (losses[0].n if losses else None), float(lacking[0] or 0)


def test_labels_that_come_late_leave_the_night_out_until_they_are_there(arrive: Arrive) -> None:
    settings = arrive("monitor")
    relabel(settings, f"{NEXT}T23:00")
    assert seen(settings, NEXT) == (None, None, 60)
    loss, rows, lacking = seen(settings, LATER)
    assert (rows, lacking) == (60, 0)
    assert loss is not None


def test_labels_that_come_twice_count_once(arrive: Arrive) -> None:
    settings = arrive("monitor")
    relabel(settings)
    relabel(settings)
    assert seen(settings, NEXT)[1:] == (60, 0)


def test_labels_that_change_are_measured_anew_and_the_decision_made_before_stays(arrive: Arrive) -> None:
    settings = arrive("monitor")
    before, _, _ = seen(settings, NEXT)
    (decided,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.RETRAINING_DECIDED)
    relabel(settings, f"{NEXT}T23:00", flipped=30)
    after, rows, _ = seen(settings, LATER)
    assert (before != after, rows) == (True, 60)
    assert ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.RETRAINING_DECIDED)[0] == decided


@pytest.mark.parametrize(("gone", "counted"), [(3, True), (4, False)], ids=["hardly any", "too many"])
def test_labels_that_never_come_are_counted_and_a_night_that_lacks_too_many_is_no_night(
    arrive: Arrive, gone: int, counted: bool
) -> None:
    settings = arrive("monitor")
    relabel(settings, gone=gone)
    _, rows, lacking = seen(settings, LATER)
    assert (rows, lacking) == (60 - gone if counted else None, gone)
    (decided,) = recorded.payloads(settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)
    facts = decided.facts
    assert facts["matured_nights"] == int(counted)


def publish_again(settings: Settings, night: date, digest: str, mark: bool | None) -> None:
    """Publish scores of another model for the scored entities of `night`, with a mark."""
    engine = warehouse.engine(settings.warehouse_url)
    scored = warehouse.scores(engine, "taxi", night)[["entity"]].assign(score=0.999)
    published.publish(engine, "taxi", night, digest, scored, datetime(2024, 3, 18, tzinfo=UTC), out_of_sample=mark)


@pytest.mark.parametrize("mark", [False, None], ids=["in sample", "unknown"])
def test_rows_that_are_not_known_to_be_out_of_sample_count_in_no_pooled_metric(
    arrive: Arrive, taxi: UseCase, caplog: pytest.LogCaptureFixture, mark: bool | None
) -> None:
    settings, night = arrive("monitor"), date(2024, 3, 17)  # its labels have come by the 18th
    target = binary.Target(cost=Cost(act=1, miss=2, averted=0.9), prior=0.5)
    context = NightContext(case=taxi, night=date(2024, 3, 18), settings=settings)
    tables = table_snapshot.take(taxi, settings)
    before = performance.measure(context, target, tables)
    publish_again(settings, night, "m" * 64, mark)
    assert performance.measure(context, target, tables) == before
    marks = {each.model_digest[:1] == "m": each.out_of_sample for each in reported(settings)["log_loss"]}
    assert marks == {False: True, True: mark}
    assert "60 of 120 matured rows are not known to be out of sample: not counted" in caplog.text
