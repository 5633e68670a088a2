"""A year of one use case: what is drawn, marked and told."""

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from include.dashboard import adoption, use_case_page
from include.dashboard.line_charts import Chart
from include.dashboard.rendering import render
from include.dashboard.use_case_page import ChartSection, UseCaseDetail
from include.settings import Settings
from include.stores import warehouse
from include.stores.warehouse import Ingestion, Metric
from ml.usecase import UseCase, periods
from tests.include.dashboard.conftest import CHAMPION, LAST, MOMENT, NEXT, NIGHTS
from tests.include.dashboard.test_adoption import judged_refresh


@pytest.fixture
def detail(engine: sa.Engine, case: UseCase) -> UseCaseDetail:
    return use_case_page.gather(engine, case, MOMENT)


def charts(detail: UseCaseDetail) -> dict[str, Chart]:
    return {chart.title.partition(" ")[0]: chart for section in detail.sections for chart in section.charts}


def test_what_was_measured_stands_beside_what_was_expected_on_every_night(detail: UseCaseDetail) -> None:
    series = {each.name: each.points for each in charts(detail)["log"].series}
    assert {name: len(points) for name, points in series.items()} == {"measured": NIGHTS, "expected": NIGHTS}
    assert series["expected"][0].low == pytest.approx(0.45)


def test_the_four_pillars_have_their_charts(detail: UseCaseDetail) -> None:
    expected = [("Model", 3), ("Business", 2), ("Data", 2), ("Infrastructure", 6)]
    assert [(each.name, len(each.charts)) for each in detail.sections] == expected
    assert all(chart.series for section in detail.sections for chart in section.charts)


def test_the_tasks_of_a_night_are_drawn_together(detail: UseCaseDetail) -> None:
    (total,) = charts(detail)["duration"].series
    assert {point.value for point in total.points} == {9.0}


def test_retrains_and_releases_are_marked(detail: UseCaseDetail) -> None:
    marks = charts(detail)["log"].marks
    assert [each.night.month for each in marks if each.kind == "retrain"] == [2, 4, 6, 8, 10, 12]
    assert [each.night for each in marks if each.kind == "release"] == [date(2013, 1, 1), date(2013, 6, 1)]


def test_the_features_that_drifted_most_come_first_ten_at_most(detail: UseCaseDetail) -> None:
    assert [each.feature for each in detail.drift] == [f"feature_{number}" for number in range(39, 29, -1)]
    assert detail.measured_night == LAST


def test_slices_are_those_of_the_last_night_that_a_model_was_measured_on(detail: UseCaseDetail) -> None:
    assert len(detail.slices) == 12
    first = detail.slices[0]
    assert (first.name, first.rows) == ("carrier=00", 500)
    assert dict(zip(detail.slice_columns, first.values, strict=True))["log_loss"] == 0.5


def test_a_metric_that_the_target_does_not_have_is_no_column_of_the_slices(home: Settings, case: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    rows = [
        Metric(use_case=case.name, night=LAST, model_digest=CHAMPION, slice=level, metric=metric, value=0.5, n=9)
        for level, metric in (("all", "drifted_share"), ("carrier=00", "log_loss"), ("carrier=00", "saved_per_1000"))
    ]
    warehouse.record_metrics(engine, rows)
    detail = use_case_page.gather(engine, case, MOMENT)
    assert detail.slice_columns == ("log_loss", "saved_per_1000")
    assert [each.values for each in detail.slices] == [(0.5, 0.5)]


def test_the_last_decisions_come_with_their_reasons(detail: UseCaseDetail) -> None:
    assert [each.entry.subject for each in detail.decisions[:5]] == [NEXT] * 5
    assert detail.decisions[0].why == "by ann as tech_lead"
    assert len(detail.decisions) == 20


def test_quarantine_is_counted_by_night(detail: UseCaseDetail) -> None:
    (held,) = charts(detail)["rows"].series
    assert {point.value for point in held.points} == {3.0}
    assert (detail.ingestions[0].night, detail.ingestions[0].rows_quarantined) == (LAST, 1)


def test_of_two_models_in_a_night_the_one_that_answered_more_is_drawn(home: Settings, case: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    rows = [
        Metric(use_case=case.name, night=LAST, model_digest=digest, slice="all", metric="log_loss", value=value, n=n)
        for digest, value, n in ((CHAMPION, 0.5, 95), (NEXT, 0.9, 5))
    ]
    warehouse.record_metrics(engine, rows)
    (measured,) = charts(use_case_page.gather(engine, case, MOMENT))["log"].series
    assert [point.value for point in measured.points] == [0.5]


def test_before_the_first_night_every_chart_is_empty(home: Settings, case: UseCase) -> None:
    result = use_case_page.gather(warehouse.engine(home.warehouse_url), case, MOMENT)
    assert all(chart.drawing is None for section in result.sections for chart in section.charts)
    assert (result.measured_night, result.drift, result.slices, result.decisions) == (None, (), (), ())


def test_what_came_in_before_the_first_scored_night_is_shown_however_long_ago(home: Settings, case: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    night = date(1999, 1, 1)
    came = Ingestion(use_case=case.name, night=night, source_table="one", rows_in=3, rows_valid=1, rows_quarantined=2)
    warehouse.record_ingestion(engine, came)
    detail = use_case_page.gather(engine, case, MOMENT)
    assert detail.ingestions == (came,)
    assert [point.value for point in charts(detail)["rows"].series[0].points] == [2.0]


def test_a_period_limits_what_is_drawn_to_its_nights(engine: sa.Engine, case: UseCase) -> None:
    period = periods.parse("2013-02-08..2013-02-14")
    detail = use_case_page.gather(engine, case, MOMENT, period)
    nights = {night for section in detail.sections for chart in section.charts for night in chart.nights}
    assert nights == set(period)
    assert detail.measured_night == period.last
    assert {each.night for each in detail.ingestions} <= nights


def test_metrics_that_are_in_sample_are_left_out_and_their_nights_counted(engine: sa.Engine, case: UseCase) -> None:
    before = use_case_page.gather(engine, case, MOMENT)
    copied = [
        replace(each, model_digest="m" * 64, value=0.01, n=10**6, out_of_sample=False)
        for each in warehouse.metrics(engine, case.name, LAST, LAST)
        if each.metric in ("log_loss", "saved_per_1000")
    ]
    warehouse.record_metrics(engine, copied)
    after = use_case_page.gather(engine, case, MOMENT)
    assert (before.in_sample_nights, after.in_sample_nights) == (0, 1)
    assert replace(after, in_sample_nights=0) == before
    page = render("use_case.html", root="/airflow/ratchet", detail=after, status=after.status, backtests=())
    assert "metrics of 1 night on scores that are in sample" in page


def test_refreshes_have_a_section_with_their_evidence_and_answers(detail: UseCaseDetail) -> None:
    status = adoption.find([judged_refresh(LAST, 14.2, "licence"), judged_refresh(LAST, 0.9, None)])
    assert status is not None
    section = ChartSection(name="Refreshes", charts=(status.chart(()),))
    shown = replace(detail, adoption=status, sections=(*detail.sections, section))
    page = render("use_case.html", root="/airflow/ratchet", detail=shown, status=shown.status, backtests=())
    assert '<h2 id="refreshes">Refreshes</h2>' in page
    assert "admitted under the licence, not released" in page
    assert "not admitted" in page
    assert "log10 of the e-value" in page
    without = render("use_case.html", root="/airflow/ratchet", detail=detail, status=detail.status, backtests=())
    assert "Refreshes" not in without
