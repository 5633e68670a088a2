"""A replay's page, data and picture say what its results say."""

import json
from dataclasses import replace
from html import escape

import pytest

from include.report import backtest_plots
from include.report import backtest_report as report
from include.settings import Settings
from include.steps import backtest as step
from include.steps.backtest import BacktestRequest, BacktestRun, trainings
from include.stores import backtest_reports
from ml.statistics.intervals import Interval
from ml.usecase import periods
from tests.html_pages import check_structure

ASKED = BacktestRequest(
    use_case="taxi",
    period=periods.parse("2024-03-17..2024-04-04"),
    policies="never,every@6,triggers@6",
    sensitivity=True,
    workers=1,
)


@pytest.fixture
def result(weeks: Settings) -> BacktestRun:
    """A replay of the toy."""
    trainings.source.cache_clear()
    return step.run(ASKED)


def test_page_data_and_picture_lie_in_a_folder_of_the_nights(result: BacktestRun, weeks: Settings) -> None:
    page = report.write(result, weeks)
    assert page == weeks.reports / "backtests" / "taxi" / "2024-03-17..2024-04-04" / "index.html"
    assert sorted(each.name for each in page.parent.iterdir()) == [
        "ages.png",
        "ages.svg",
        "backtest.json",
        "index.html",
        "quality.png",
        "quality.svg",
    ]
    text = page.read_text()
    assert all(each.policy in text for each in result.results.policies)
    assert "Sensitivity to the thresholds of the triggers" in text
    assert "without the gate, every requested model is released" in text


def test_data_has_every_decision_with_its_numbers(result: BacktestRun, weeks: Settings) -> None:
    reported = json.loads((report.write(result, weeks).parent / "backtest.json").read_text())
    (look, *_) = reported["decisions"]["triggers@6"]
    (finding,) = look["decision"]["findings"]
    assert (look["night"], finding["trigger"], finding["threshold"]) == ("2024-03-22", "new_labels", 280.0)
    assert reported["results"]["policies"][0]["quality"]["log_loss"] == result.results.policies[0].quality.loss
    assert reported["recipe"]["digest"] == result.training_key.digest


def test_the_board_shows_each_policy_of_a_replay_as_its_page_does(result: BacktestRun, weeks: Settings) -> None:
    page = report.write(result, weeks)
    (shown,) = backtest_reports.gather(weeks.reports, "taxi")
    assert [row[0] for row in shown.rows] == [each.policy for each in result.results.policies]
    assert (shown.nights, shown.gate) == ("2024-03-17..2024-04-04", False)
    assert all(escape(cell) in page.read_text() for row in shown.rows for cell in row)


def test_the_page_is_whole_and_fetches_nothing(result: BacktestRun) -> None:
    seen = check_structure(report.page(result, backtest_plots.draw(result)))
    assert seen.fetched == seen.all("script", "link", "a")[1:] == []
    assert len(seen.all("img")) == 2


def test_a_number_without_a_bound_is_null_in_the_data(result: BacktestRun) -> None:
    unbounded = Interval(value=0.1, low=-float("inf"), high=float("inf"))
    first = replace(result.results.differences[0], loss=unbounded)
    unsure = replace(result, results=replace(result.results, differences=(first,)))
    reported = report.as_json(unsure, ())
    assert reported["results"]["differences"][0]["loss"] == {"value": 0.1, "low": None, "high": None}
    assert "no difference shown" in report.page(unsure, backtest_plots.draw(unsure))


def test_with_a_gate_the_page_is_another_and_says_what_models_were_refused_for(weeks: Settings) -> None:
    trainings.source.cache_clear()
    result = step.run(replace(ASKED, gate=True, sensitivity=False))
    page = report.write(result, weeks)
    assert page.parent.name.endswith("-gate")
    refused = [look for walk in result.walks for look in walk.records if look.failed_checks]
    assert ("Failed checks of the gate" in page.read_text()) == bool(refused)
    assert refused
