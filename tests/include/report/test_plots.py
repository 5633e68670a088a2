"""Pictures are SVG, the same for the same numbers."""

from dataclasses import replace

import pandas as pd
import sqlalchemy as sa

from include import report
from include.report import plots
from ml import nights
from ml.usecase import UseCase


def test_the_same_numbers_draw_the_same_picture() -> None:
    by_night = pd.Series({"2013-02-01": 10.0, "2013-02-02": -5.0})
    first, second = plots.saved(by_night), plots.saved(by_night)
    assert first.startswith("<svg")
    assert first == second


def test_a_new_champion_is_marked_on_the_nights(engine: sa.Engine, case: UseCase) -> None:
    summary = report.gather(engine, case, nights.parse("2013-02-01..2013-02-03"), {})
    unmarked = replace(summary, releases=(), retrains=())
    assert len(plots.log_loss(summary)) > len(plots.log_loss(unmarked))
