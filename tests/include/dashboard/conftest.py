"""A warehouse with a year of nights, as large as the flagship's: every metric, every decision, two alerts that are not harmless."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from include import usecases
from include.stores import warehouse
from include.stores.warehouse import Alert, Ingestion, Metric
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, StoredInterval
from ml.usecase import UseCase
from tests import payloads, published
from tests.stack import raw_entries

FIRST, NIGHTS = date(2013, 1, 1), 365
LAST = FIRST + timedelta(days=NIGHTS - 1)
OLD, CHAMPION, CHALLENGER, NEXT = "a" * 64, "c" * 64, "d" * 64, "e" * 64
MOMENT = datetime(2014, 1, 2, tzinfo=UTC)
NASTY = "<script>alert('1')</script>"
LATENCY = replace(payloads.CHECK, name="p99", value=None, bar="at most 10 ms")


def at(night: date) -> datetime:
    return datetime(night.year, night.month, night.day, 7, tzinfo=UTC)


def entry(kind: EntryKind, night: date, subject: str, **changes: Any) -> Entry:
    """Return an entry of the flagship with a small payload of its kind, in which some fields are others."""
    return raw_entries.draft(
        kind,
        payloads.stored(kind, **changes),
        use_case="flights",
        night=night,
        subject=subject,
        recorded_at=at(night),
        key=f"flights:{kind}:{night}:{subject}:{changes.get('role', '')}",
    )


def judged(night: date, digest: str, outcome: str, champion: str | None, padding: int = 0) -> Entry:
    """Return a verdict with as much evidence as a real one where `padding` is 20,000."""
    return entry(
        EntryKind.JUDGED,
        night,
        digest,
        package=digest,
        outcome=outcome,
        reason="it had to be so",
        gain=StoredInterval(value=0.01, low=0.002, high=0.018),
        checks=(payloads.CHECK,),
        trigger="calibration_gap",
        champion=champion,
        evidence="f" * 64,
        diagnostics={"segments": "x" * padding},
    )


def decided(night: date, retrain: bool) -> Entry:
    reason = "calibration_gap is 0.06, threshold 0.04" if retrain else "nothing fired"
    findings = [
        {"trigger": name, "value": 0.01, "threshold": 0.04, "state": "not fired"}
        for name in ("calibration_gap", "labels")
    ]
    trigger = "calibration_gap" if retrain else None
    return entry(
        EntryKind.RETRAINING_DECIDED,
        night,
        CHAMPION,
        retrain=retrain,
        trigger=trigger,
        reason=reason,
        findings=tuple(findings),
    )


def nightly(night: date) -> list[Entry]:
    validated = [entry(EntryKind.VALIDATED, night, table) for table in ("schedule", "outcomes", "weather")]
    return [*validated, decided(night, retrain=night.day == 8 and night.month % 2 == 0)]


def metrics(night: date, day: int) -> Iterator[Metric]:
    reported = {"log_loss": 0.5, "brier": 0.17, "auc": 0.7, "calibration_gap": 0.01, "alert_rate": 0.3, "cost": 250.0}
    reported |= {"saved_per_1000": 25_000.0, "drifted_share": 0.6, "labels_missing": 3.0}
    reported |= {
        "predictions": 5_000.0,
        "error_rate": 0.001,
        "latency_p50_ms": 0.4,
        "latency_p99_ms": 2.0,
        "cpu_cores": 0.1,
        "memory_mb": 95.0,
    }
    reported |= {f"psi:feature_{number}": number / 10 for number in range(40)}
    for name, value in reported.items():
        swung = value * (1 + 0.1 * math.sin(day / 20))
        yield Metric(
            use_case="flights", night=night, model_digest=CHAMPION, slice="all", metric=name, value=swung, n=900
        )
    for name in ("log_loss", "saved_per_1000"):
        low, high = 0.9 * reported[name], 1.1 * reported[name]
        yield Metric(
            use_case="flights",
            night=night,
            model_digest=CHAMPION,
            slice="all",
            metric=f"expected_{name}",
            value=reported[name],
            low=low,
            high=high,
            n=900,
        )
    for task in ("ingest.ingest", "score.score", "monitor.measure"):
        yield Metric(
            use_case="flights",
            night=night,
            model_digest="all",
            slice=f"task={task}",
            metric=warehouse.TASK_SECONDS,
            value=3.0,
            n=1,
        )
    yield Metric(
        use_case="flights", night=night, model_digest="", slice="entities:carrier", metric="parity", value=0.0, n=900
    )
    for level in range(12):
        for name in ("log_loss", "brier", "auc", "calibration_gap", "alert_rate", "saved_per_1000"):
            yield Metric(
                use_case="flights",
                night=night,
                model_digest=CHAMPION,
                slice=f"carrier={level:02}",
                metric=name,
                value=reported[name],
                n=500,
            )


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a warehouse with a year of nights, only to be read."""
    url = f"sqlite:///{tmp_path_factory.mktemp('board') / 'warehouse.db'}"
    warehouse.migrate(url)
    engine = warehouse.engine(url)
    nights = [FIRST + timedelta(days=day) for day in range(NIGHTS)]
    warehouse.record_metrics(engine, [each for day, night in enumerate(nights) for each in metrics(night, day)])
    warehouse.record_ingestion(
        engine,
        *(
            Ingestion(
                use_case="flights", night=night, source_table=table, rows_in=900, rows_valid=899, rows_quarantined=1
            )
            for night in nights
            for table in ("schedule", "outcomes", "weather")
        ),
    )
    raw_entries.insert(
        engine,
        [judged(FIRST, OLD, "promote", None), entry(EntryKind.PROMOTED, FIRST, OLD, approved_by=("ann", "bob"))],
    )
    raw_entries.insert(engine, [each for night in nights for each in nightly(night)])
    raw_entries.insert(
        engine, [judged(night, f"{night.month:064}", "keep", OLD, 20_000) for night in nights if night.day == 9]
    )
    raw_entries.insert(
        engine,
        [
            entry(EntryKind.PROMOTED, date(2013, 6, 1), CHAMPION, approved_by=("ann", "cyd")),
            judged(LAST, NEXT, "promote", CHAMPION),
            entry(EntryKind.ACCEPTANCE_TESTED, LAST, NEXT, checks=(LATENCY,)),
            entry(EntryKind.SHADOW_STARTED, LAST, NEXT, trained_night=LAST),
            entry(EntryKind.SHADOW_REVIEWED, LAST, NEXT, trained_night=LAST),
            entry(EntryKind.APPROVED, LAST, NEXT, role="tech_lead", user="ann"),
        ],
    )
    warehouse.raise_alert(
        engine, Alert(use_case="flights", night=LAST, kind="quarantine", subject="weather", message=NASTY)
    )
    rows = pd.DataFrame({"entity": ["one"], "score": [0.5]})
    published.publish(engine, "flights", LAST, CHAMPION, rows, at(LAST), 1)
    yield url
    engine.dispose()


@pytest.fixture
def engine(year: str) -> sa.Engine:
    return warehouse.engine(year)


@pytest.fixture
def case() -> UseCase:
    return usecases.get("flights")
