"""What trainings take is kept night by night, and told once it has risen; so are dependencies that changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from include.settings import Settings
from include.steps.context import NightContext
from include.steps.train import resource_trends
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import CandidateRecord, EntryKind, Verdict
from ml.usecase import GradientBoosting, UseCase

Arrive = Callable[[str], Settings]
FIRST, TREES = date(2024, 4, 1), "gradient_boosting"


@pytest.fixture
def case(taxi: UseCase) -> UseCase:
    return replace(taxi, candidates=(GradientBoosting(),))


def train(case: UseCase, settings: Settings, place: int, latency: float, dependencies: tuple[str, ...] = ()) -> date:
    """Let a training of a night be judged, as long as `latency` to answer, and return the night."""
    night = FIRST + timedelta(days=place)
    judged = ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.JUDGED,
        use_case=case.name,
        night=night,
        subject=f"package {place}",
        payload=Verdict(
            outcome="promote",
            reason="it is good",
            candidates=(
                CandidateRecord(name=TREES, quality={}, p99_latency_ms=latency, memory_mb=80.0, package_mb=0.5),
            ),
            environment_changes=dependencies,
        ),
        key=f"{case.name}:judged:{night}",
    )
    resource_trends.record_seconds(NightContext(case=case, night=night, settings=settings), TREES, 20.0)
    resource_trends.record(NightContext(case=case, night=night, settings=settings), judged)
    return night


def reported(case: UseCase, settings: Settings) -> list[tuple[date, str, str]]:
    alerts = warehouse.alerts(warehouse.engine(settings.warehouse_url), case.name, FIRST, FIRST + timedelta(days=99))
    return [(each.night, each.kind, each.subject) for each in alerts]


def test_what_each_training_takes_is_a_row_of_its_night(arrive: Arrive, case: UseCase) -> None:
    settings = arrive("ingest")
    train(case, settings, 0, 2.0)
    result = warehouse.metrics(warehouse.engine(settings.warehouse_url), case.name, FIRST, slice=f"candidate={TREES}")
    assert {(each.metric, each.value, each.model_digest) for each in result} == {
        (resource_trends.SECONDS, 20.0, "none"),
        (resource_trends.LATENCY, 2.0, "package 0"),
        (resource_trends.MEMORY, 80.0, "package 0"),
        (resource_trends.SIZE, 0.5, "package 0"),
    }


def test_a_latency_that_has_risen_for_good_is_told_once_it_has(arrive: Arrive, case: UseCase) -> None:
    settings = arrive("ingest")
    latencies = [2.0, 2.1, 1.9, 2.0, 2.1, 9.0, 2.0, 2.0, 2.1, 5.0, 5.1, 5.2]
    nights = [train(case, settings, place, latency) for place, latency in enumerate(latencies)]
    assert reported(case, settings) == [(night, "trend", f"{TREES} {resource_trends.LATENCY}") for night in nights[-2:]]


def test_dependencies_that_changed_are_told(arrive: Arrive, case: UseCase) -> None:
    settings = arrive("ingest")
    train(case, settings, 0, 2.0)
    night = train(case, settings, 1, 2.0, ("numpy was 1.26, is 2.0",))
    assert reported(case, settings) == [(night, "dependencies", "package 1")]


def test_a_verdict_without_candidates_leaves_no_row(arrive: Arrive, case: UseCase) -> None:
    settings = arrive("ingest")
    refused = ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.JUDGED,
        use_case=case.name,
        night=FIRST,
        subject="none",
        payload=Verdict(outcome="inconclusive", reason="too little to learn from"),
        key="refused",
    )
    resource_trends.record(NightContext(case=case, night=FIRST, settings=settings), refused)
    assert not warehouse.metrics(warehouse.engine(settings.warehouse_url), case.name, FIRST)
