"""The page of a run is the dashboard's page of its nights, with what only a run has; it fetches nothing."""

from datetime import UTC, datetime

import pandas as pd
import pytest
import sqlalchemy as sa

from include import report
from include.dashboard import use_case_page
from include.dashboard.rendering import render as render_template
from include.report.played_nights import PlayedNights
from include.stores import warehouse
from ml.usecase import UseCase, periods
from ml.usecase.periods import Period
from tests.html_pages import Seen, check_structure
from tests.include.report.test_played_nights import PLAYED
from tests.ml.answers import YES_OR_NO

PERIOD = periods.parse("2013-02-01..2013-02-03")
MOMENT = datetime(2013, 3, 1, tzinfo=UTC)


def rendered(
    engine: sa.Engine,
    case: UseCase,
    matured: pd.DataFrame,
    period: Period = PERIOD,
    played: PlayedNights | None = None,
) -> str:
    summary = report.gather(engine, case, period, {"start": 40.06, "nights": 1234.5})
    return report.render(summary, use_case_page.gather(engine, case, MOMENT, period), matured, YES_OR_NO, 0.95, played)


@pytest.fixture
def page(engine: sa.Engine, case: UseCase) -> str:
    matured = warehouse.matured_scores(engine, case.name, PERIOD.first, PERIOD.last, MOMENT)
    return rendered(engine, case, matured)


def test_the_page_is_whole_and_fetches_nothing(page: str) -> None:
    seen = check_structure(page)
    assert seen.fetched == seen.all("script", "link", "iframe", "object") == []
    assert "://" not in page
    assert "url(" not in page


def test_a_longer_run_is_marked_as_another_one(engine: sa.Engine, case: UseCase) -> None:
    matured = warehouse.matured_scores(engine, case.name, PERIOD.first, PERIOD.last, MOMENT)
    page = rendered(engine, case, matured, played=PLAYED)
    check_structure(page)
    assert "A longer run, played before" in page
    assert "This is not part of the run above." in page
    assert "log loss gain &lt;0" in page
    assert "Put back on 2013-05-01: rolled back." in page


def test_no_link_leaves_the_folder_of_reports(page: str) -> None:
    links = [str(each["href"]) for each in Seen(page).all("a")]
    assert not [link for link in links if link.startswith(("/", "None")) or ".." in link]


def test_every_chart_of_the_dashboard_is_on_the_page_and_looks_the_same(
    page: str, engine: sa.Engine, case: UseCase
) -> None:
    detail = use_case_page.gather(engine, case, MOMENT, PERIOD)
    board = render_template("use_case.html", root="/airflow/ratchet", detail=detail, status=detail.status, backtests=())
    figures = [each.partition("</figure>")[0] for each in board.split("<figure>")[1:]]
    assert len(figures) > 5
    assert [each for each in figures if each not in page] == []


def test_texts_of_the_ledger_are_escaped(page: str) -> None:
    assert "because &lt;it&gt; had to be so" in page


def test_reliability_and_gains_are_pictures_with_a_description(page: str) -> None:
    assert [str(each["alt"]).split()[0] for each in Seen(page).all("img")] == ["Reliability", "Gain"]


def test_without_matured_rows_the_page_says_so(engine: sa.Engine, case: UseCase) -> None:
    nothing = pd.DataFrame({"night": [], "score": [], "label": []})
    assert "No labels have matured yet" in rendered(engine, case, nothing, periods.parse("2013-02-03"))


def test_nights_have_their_numbers_and_link_to_the_drift_that_requested_retraining(page: str, case: UseCase) -> None:
    assert '<tr><th scope="row">2013-02-02</th><td>100</td><td>98</td><td class="warn">2</td>' in page
    link = f'<a href="{case.name}/2013-02-02/drift.html" title="because &lt;it&gt; had to be so">'
    assert f"{link}calibration gap: keep</a>" in page
    assert page.count("not yet</td>") == 4


def test_the_table_versions_behind_the_scores_are_listed(page: str) -> None:
    assert '<th scope="col">valid/rides</th>' in page
    assert '<tr><th scope="row">2013-02-02</th><td>4</td><td>3</td></tr>' in page


def test_durations_are_listed_where_they_were_measured(page: str) -> None:
    assert '<tr><th scope="row">nights</th><td>1,234.5</td></tr>' in page


def test_features_without_benefit_are_named_with_a_link_to_the_card(page: str, case: UseCase) -> None:
    named = "Features with a cost and no proven benefit: <code>&lt;noise&gt;</code>, <code>weekday</code>."
    assert page.count(named) == 1
    assert f'<a href="{case.name}/2013-02-01/model_card.html">model card</a>' in page


def test_a_verdict_from_before_features_were_measured_does_not_mention_them(page: str) -> None:
    assert page.count("<summary>2013-") == 2
    assert page.count("Features with a cost and no proven benefit") == 1


def test_plots_of_a_challenger_are_linked_if_they_were_drawn(page: str, case: UseCase) -> None:
    for name in ("reliability", "gains"):
        assert f'<a href="{case.name}/2013-02-01/{name}.svg">{name}</a>' in page
    assert f"{case.name}/2013-02-02/reliability.svg" not in page


def test_the_choice_among_candidates_is_shown_with_its_differences(page: str) -> None:
    assert "trees is chosen by cost." in page
    row = '<tr><th scope="row">trees</th><td>logistic</td><td>-1,234 [-2,000, -468]</td>'
    assert f"{row}<td>+0.0100 [-0.0200, +0.0400]</td><td>cost</td></tr>" in page
