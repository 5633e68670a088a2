"""A replay's pictures say what they show, are the same for the same replay, and none is made of nothing."""

from dataclasses import replace

import pytest

from include.report import backtest_plots
from include.settings import Settings
from include.steps import backtest as step
from include.steps.backtest import BacktestRequest, BacktestRun, trainings
from ml.retraining.backtest.model_ageing import LossByAge
from ml.statistics.intervals import Interval
from ml.usecase import periods
from tests.ml.answers import YES_OR_NO

ASKED = BacktestRequest(
    use_case="taxi", period=periods.parse("2024-03-17..2024-04-04"), policies="never,every@6", workers=1
)


@pytest.fixture
def result(weeks: Settings) -> BacktestRun:
    """A replay of the toy."""
    trainings.source.cache_clear()
    return step.run(ASKED)


def test_the_same_replay_is_drawn_the_same_and_says_what_it_shows(result: BacktestRun) -> None:
    one, other = (backtest_plots.draw(result) for _ in range(2))
    assert one == other
    assert [each.name for each in one] == ["quality", "ages"]
    assert all(each.svg.startswith("<svg") and each.png.startswith(b"\x89PNG") for each in one)
    assert "cumulative gain of each policy over never" in one[0].caption


def test_of_one_model_alone_no_age_is_drawn(result: BacktestRun) -> None:
    assert [each.name for each in backtest_plots.draw(replace(result, ages=()))] == ["quality"]


def test_an_age_is_filled_where_a_loss_is_shown_and_a_ring_where_the_interval_holds_0() -> None:
    intervals = Interval(value=0.01, low=0.002, high=0.018), Interval(value=0.01, low=-0.002, high=0.022)
    ages = [
        LossByAge(first=28 * step + 1, last=28 * step + 28, models=2, rows=900, excess=each)
        for step, each in enumerate(intervals)
    ]
    (axes,) = backtest_plots.ages(ages, YES_OR_NO.display_names).axes
    dots = axes.collections[-1]
    shown, unsure = dots.get_facecolors()  # type: ignore[attr-defined]  # of a scatter
    assert (shown[-1], unsure[-1]) == (1.0, 0.0)
    assert [tuple(place) for place in dots.get_offsets()] == [(14.5, 0.01), (42.5, 0.01)]  # type: ignore[union-attr]
