"""What scores are expected to come to, what they came to, by slice, and the labels that are lacking."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from include import usecases
from include.settings import Settings
from include.steps import monitor, outcomes
from include.stores import warehouse
from include.stores.warehouse import Metric
from ml import foresight, metrics, nights
from ml.targets import binary
from ml.usecase import Cost, Slice, UseCase
from tests.include.steps.conftest import STEPS

Arrive = Callable[[str], Settings]


def told(where: Settings, **asked: str) -> dict[str, list[Metric]]:
    """Return the metrics that monitoring left, by name."""
    found: dict[str, list[Metric]] = {}
    for each in warehouse.metrics(warehouse.engine(where.warehouse_url), "taxi", **asked):
        found.setdefault(each.metric, []).append(each)
    return found


def test_tonight_s_scores_are_expected_to_come_to_something_and_later_it_is_told_how_far_off_that_was(
    arrive: Arrive, taxi: UseCase
) -> None:
    where = arrive("monitor")
    STEPS["monitor"]()
    engine, found = warehouse.engine(where.warehouse_url), told(where, slice=outcomes.ALL)
    (measured,) = found["log_loss"]
    rows = warehouse.matured(engine, "taxi", measured.night, measured.night, datetime.max.replace(tzinfo=UTC))
    assert isinstance(taxi.cost, Cost)
    expected = foresight.expect(rows["score"].to_numpy(), taxi.cost)["log_loss"]
    seen = metrics.log_loss(rows["label"].to_numpy(), rows["score"].to_numpy())
    (missed,) = found["missed_log_loss"]
    assert missed.value == pytest.approx(seen - expected.value)


def test_of_a_night_without_labels_it_is_expected_with_an_interval(arrive: Arrive, taxi: UseCase) -> None:
    where = arrive("monitor")
    engine = warehouse.engine(where.warehouse_url)
    night = warehouse.last_scored(engine, "taxi")
    assert night is not None
    monitor.measure("taxi", str(night))
    scores = warehouse.scores(engine, "taxi", night)["score"].to_numpy()
    (expected,) = told(where)["expected_log_loss"]
    assert isinstance(taxi.cost, Cost)
    wanted = foresight.expect(scores, taxi.cost)["log_loss"]
    assert (expected.value, expected.low, expected.high, expected.n) == (
        pytest.approx(wanted.value),
        pytest.approx(wanted.low),
        pytest.approx(wanted.high),
        len(scores),
    )
    (lacking,) = told(where)["labels_lacking"]
    assert (lacking.value, lacking.n) == (len(scores), len(scores))


def test_a_slice_with_enough_rows_is_measured_apart(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = arrive("monitor")
    sliced = replace(taxi, slices=(Slice(by="zone", least_rows=10), Slice(by="kilometres", least_rows=10_000)))
    monkeypatch.setattr(usecases, "get", lambda _: sliced)
    STEPS["monitor"]()
    parts = {each.slice: each.n for each in told(where)["log_loss"]}
    whole = parts.pop(outcomes.ALL)
    assert parts
    assert all(name.startswith("zone=") and rows >= 10 for name, rows in parts.items())
    assert sum(parts.values()) <= whole


def test_what_the_window_is_expected_to_lose_is_told_of_the_champion_by_its_rows(arrive: Arrive, taxi: UseCase) -> None:
    where = arrive("monitor")
    engine, (first, last) = warehouse.engine(where.warehouse_url), nights.parse("2024-03-17..2024-03-18")
    parts = ((first, "mine", 0.4, 10), (last, "mine", 0.6, 30), (last, "another", 9.0, 99))
    warehouse.record_metrics(
        engine,
        [
            Metric(
                use_case="taxi",
                night=night,
                model_digest=digest,
                slice=outcomes.ALL,
                metric="expected_log_loss",
                value=value,
                n=n,
            )
            for night, digest, value, n in parts
        ],
    )
    target = binary.Target(cost=Cost(act=1, miss=2, averted=0.9), prior=0.5)
    assert outcomes.expected_loss(taxi, last, "mine", target, where) == pytest.approx(0.55)
    assert outcomes.expected_loss(taxi, last, "nobody", target, where) is None
