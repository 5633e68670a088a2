"""What a replay found of age is kept for the monitor, which tells it of the champion."""

import math
from collections.abc import Callable

import pytest

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.monitor import model_age, monitor
from include.stores import warehouse
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.retraining.backtest.model_ageing import LossByAge
from ml.statistics.intervals import Interval
from ml.usecase import UseCase
from tests import recorded

Arrive = Callable[[str], Settings]
AGES = (
    LossByAge(first=1, last=28, models=3, rows=500, excess=Interval(value=0.01, low=0.004, high=0.016)),
    LossByAge(first=29, last=56, models=2, rows=300, excess=Interval(value=0.03, low=-math.inf, high=math.inf)),
)


def test_what_was_kept_is_told_by_age(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("ingest")
    assert model_age.lookup(StepContext(case=taxi, settings=settings), 7) is None
    model_age.save(StepContext(case=taxi, settings=settings), AGES)
    assert [model_age.lookup(StepContext(case=taxi, settings=settings), age) for age in (7, 40, 57)] == [*AGES, None]
    model_age.save(StepContext(case=taxi, settings=settings), ())
    assert model_age.lookup(StepContext(case=taxi, settings=settings), 7) == AGES[0]


@pytest.mark.parametrize("ages", [AGES, ()], ids=["a replay has told", "none has"])
def test_the_age_of_the_champion_is_measured_and_what_it_costs_is_in_the_decision(
    arrive: Arrive, taxi: UseCase, ages: tuple[LossByAge, ...]
) -> None:
    settings = arrive("monitor")
    model_age.save(StepContext(case=taxi, settings=settings), ages)
    monitor.measure("taxi", "2024-03-18")
    engine = warehouse.engine(settings.warehouse_url)
    (age,) = warehouse.metrics(engine, "taxi", metric="age_nights")
    assert age.value == 2
    reported = [
        (each.value, each.low, each.high, each.n) for each in warehouse.metrics(engine, "taxi", metric="loss_by_age")
    ]
    assert reported == ([(0.01, 0.004, 0.016, 500)] if ages else [])
    (decided,) = recorded.payloads(settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)
    facts = decided.facts
    assert facts["loss_by_age"] == (0.01 if ages else None)
