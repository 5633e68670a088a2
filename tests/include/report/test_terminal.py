"""The tables that end `make run`."""

import io

import sqlalchemy as sa
from rich.console import Console

from include import report
from ml.usecase import UseCase, periods


def test_nights_and_verdicts_are_shown_with_their_numbers(engine: sa.Engine, case: UseCase) -> None:
    out = io.StringIO()
    report.show(report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {}), Console(file=out, width=120))
    shown = out.getvalue()
    for words in ("2013-02-02", "calibration", "not yet", "+0.0100 [-0.0200, +0.0300]", "ann and bob"):
        assert words in shown
