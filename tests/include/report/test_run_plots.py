"""Plots of a run have the nights' means, and are the same for the same numbers."""

from datetime import date, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from include import report
from include.dashboard.line_charts import Mark
from include.report import run_plots
from ml.usecase import UseCase, periods
from tests.ml.answers import YES_OR_NO

NIGHT = date(2013, 2, 1)
MATURED = pd.DataFrame(
    {
        "night": [NIGHT, NIGHT, NIGHT + timedelta(days=1)],
        "score": [0.2, 0.4, 0.9],
        "label": [0.0, 1.0, 1.0],
    }
)


def test_mean_score_and_mean_label_of_each_night_share_a_chart_with_the_marks_of_the_others() -> None:
    mark = Mark(night=NIGHT, kind="release", label="")
    chart = run_plots.scores_and_labels(MATURED, YES_OR_NO, (mark,))
    values = {each.name: [round(point.value, 3) for point in each.points] for each in chart.series}
    assert values == {"expected (mean score)": [0.3, 0.9], "observed (share of positive labels)": [0.5, 1.0]}
    assert chart.drawing is not None
    assert [drawn for _, drawn in chart.drawing.marks] == [mark]


def test_the_same_numbers_draw_the_same_picture(engine: sa.Engine, case: UseCase) -> None:
    summary = report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {})
    first, second = run_plots.gains(summary), run_plots.gains(summary)
    assert first.startswith("<svg")
    assert first == second


@pytest.mark.parametrize("nights", [1, 2, 30, 365])
def test_any_count_of_nights_has_a_reliability_diagram(nights: int) -> None:
    days = [NIGHT + timedelta(days=night) for night in range(nights)]
    matured = pd.DataFrame({"night": days, "score": 0.5, "label": 1.0})
    assert run_plots.reliability(matured, YES_OR_NO, 0.95).startswith("<svg")
