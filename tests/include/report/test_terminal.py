"""The tables that end `make run`."""

import io

import sqlalchemy as sa
from rich.console import Console

from include import report
from ml import nights
from ml.usecase import UseCase


def test_nights_and_verdicts_are_shown_with_their_numbers(engine: sa.Engine, case: UseCase) -> None:
    out = io.StringIO()
    report.show(report.gather(engine, case, nights.parse("2013-02-01..2013-02-03"), {}), Console(file=out, width=120))
    shown = out.getvalue()
    assert "2013-02-02" in shown and "calibration gap" in shown and "not yet" in shown
    assert "+0.0100 [-0.0200, +0.0300]" in shown and "ann and bob" in shown
