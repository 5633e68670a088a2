"""The tables that end `make run`."""

import io

import sqlalchemy as sa
from rich.console import Console

from include import report
from include.stores import ledger
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.usecase import UseCase, periods


def test_nights_and_verdicts_are_shown_with_their_numbers(engine: sa.Engine, case: UseCase) -> None:
    out = io.StringIO()
    report.show(report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {}), Console(file=out, width=120))
    shown = out.getvalue()
    for words in ("2013-02-02", "calibration", "not yet", "+0.0100 [-0.0200, +0.0300]", "ann and bob"):
        assert words in shown


def test_an_inconclusive_verdict_is_beside_its_trigger_with_its_reason(engine: sa.Engine, case: UseCase) -> None:
    period = periods.parse("2013-02-01..2013-02-03")
    verdict = Verdict(outcome="inconclusive", reason="expected 7 matured nights, got 3")
    night = periods.parse("2013-02-02").last
    ledger.append(
        engine, kind=EntryKind.JUDGED, use_case=case.name, night=night, subject="none", payload=verdict, key="again"
    )
    out = io.StringIO()
    report.show(report.gather(engine, case, period, {}), Console(file=out, width=160))
    lines = out.getvalue().splitlines()
    assert any("2013-02-02" in line and line.rstrip().endswith("calibration gap: inconclusive") for line in lines)
    assert "2013-02-02, calibration gap: inconclusive: expected 7 matured nights, got 3" in lines
