"""Pictures are SVG, the same for the same numbers."""

from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sa

from include import report
from include.report import run_plots
from ml.usecase import UseCase, periods
from tests.ml.answers import YES_OR_NO


def test_the_same_numbers_draw_the_same_picture() -> None:
    by_night = pd.Series({"2013-02-01": 10.0, "2013-02-02": -5.0})
    first, second = run_plots.saved(by_night), run_plots.saved(by_night)
    assert first.startswith("<svg")
    assert first == second


def test_a_new_champion_is_marked_on_the_nights(engine: sa.Engine, case: UseCase) -> None:
    summary = report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {})
    unmarked = replace(summary, releases=(), retrains=())
    assert len(run_plots.loss(summary)) > len(run_plots.loss(unmarked))


@pytest.mark.parametrize("every", ["D", "MS"], ids=["every night", "every month"])
@pytest.mark.parametrize("count", [1, 4, 5, 30, 365])
def test_any_count_of_nights_is_drawn_without_complaint(count: int, every: str) -> None:
    days = pd.date_range("2013-01-01", periods=count, freq=every).strftime("%Y-%m-%d")
    assert run_plots.saved(pd.Series(1.0, index=days)).startswith("<svg")
    matured = pd.DataFrame({"night": days, "score": 0.5, "label": 1.0})
    assert run_plots.expected_and_observed(matured, YES_OR_NO).startswith("<svg")
