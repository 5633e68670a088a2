"""A warehouse that has seen three nights, one retrain and two challengers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from include import usecases
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert, Ingestion, Metric
from ml.governance.checks import CheckStatus
from ml.governance.ledger_entries import ComparisonRecord, EntryKind, RetrainingDecided, StoredInterval, Verdict
from ml.usecase import UseCase
from tests import payloads, published

NIGHTS = [date(2013, 2, 1), date(2013, 2, 2), date(2013, 2, 3)]
CHAMPION, LOSER = "c" * 64, "d" * 64


@pytest.fixture
def case() -> UseCase:
    return usecases.all()[0]


@pytest.fixture
def engine(tmp_path: Path, case: UseCase) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    warehouse.migrate(url)
    engine = warehouse.engine(url)
    for night in NIGHTS:
        _night(engine, case, night)
    _challenger(engine, case, NIGHTS[0], CHAMPION, "promote", "bootstrap")
    _challenger(engine, case, NIGHTS[1], LOSER, "keep", "refresh")
    ledger.append(
        engine,
        kind=EntryKind.PROMOTED,
        use_case=case.name,
        night=NIGHTS[0],
        subject=CHAMPION,
        payload=payloads.sample(EntryKind.PROMOTED),
        key="promoted",
    )
    yield engine
    engine.dispose()


def _night(engine: sa.Engine, case: UseCase, night: date) -> None:
    rows = pd.DataFrame({"entity": [f"{night}|{n}" for n in range(100)], "score": [n / 100 for n in range(100)]})
    published.publish(engine, case.name, night, CHAMPION, rows, case.schedule.cutoff(night), 4)
    for version in (4, 5):
        reported = {"valid/rides": version - 1}
        warehouse.record_table_reads(engine, case.name, [night], "features", f"features/entities@{version}", reported)
    if night != NIGHTS[-1]:
        known_at = datetime.combine(night, datetime.max.time(), UTC).replace(microsecond=0)
        labels = rows.assign(label=(rows["score"] > 0.5).astype(float), night=night, known_at=known_at, landed=night)
        warehouse.record_labels(engine, case.name, labels)
        metric = Metric(
            use_case=case.name,
            night=night,
            model_digest=CHAMPION,
            slice="all",
            metric="log_loss",
            value=0.5,
            n=100,
        )
        warehouse.record_metrics(engine, [metric])
    for table, bad in (("rides", 2), ("stands", 0)):
        warehouse.record_ingestion(
            engine,
            Ingestion(
                use_case=case.name,
                night=night,
                source_table=table,
                rows_in=50,
                rows_valid=50 - bad,
                rows_quarantined=bad,
            ),
        )
    warehouse.raise_alert(
        engine, Alert(use_case=case.name, night=night, kind="quarantine", subject="rides", message="two rows")
    )
    asked = night == NIGHTS[1]
    ledger.append(
        engine,
        kind=EntryKind.RETRAINING_DECIDED,
        use_case=case.name,
        night=night,
        subject=CHAMPION,
        payload=RetrainingDecided(
            retrain=asked, reason="it was measured", trigger="calibration_gap" if asked else None
        ),
        key=f"decided:{night}",
    )


def _challenger(engine: sa.Engine, case: UseCase, night: date, digest: str, outcome: str, bar: str) -> None:
    status = CheckStatus.from_bool(outcome == "promote")
    verdict = Verdict(
        outcome=outcome,
        reason="because <it> had to be so",
        package=digest,
        version="1",
        rule=bar,
        gain=StoredInterval(value=0.01, low=-0.02, high=0.03),
        comparisons=(
            ComparisonRecord(
                candidate="trees",
                other="logistic",
                cost=StoredInterval(value=-1234.0, low=-2000.0, high=-468.0),
                loss=StoredInterval(value=0.01, low=-0.02, high=0.04),
            ),
        ),
        choice="trees is chosen by cost",
        checks=(replace(payloads.CHECK, status=status),),
    )
    if digest == CHAMPION:
        verdict = replace(verdict, features_without_benefit=("<noise>", "weekday"), plots=("reliability", "gains"))
    ledger.append(
        engine,
        kind=EntryKind.JUDGED,
        use_case=case.name,
        night=night,
        subject=digest,
        payload=verdict,
        key=f"judged:{night}",
    )
