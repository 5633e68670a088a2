from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from include.settings import Settings
from include.stores import warehouse
from include.stores.warehouse import Alert, Ingestion, Metric
from ml.errors import DataError

NIGHT = date(2013, 2, 8)
INGESTION = Ingestion(use_case="taxi", night=NIGHT, source_table="rides", rows_in=10, rows_valid=7, rows_quarantined=3)
METRIC = Metric(
    use_case="taxi", night=NIGHT, model_digest="m1", slice="all", metric="log_loss", value=0.5, low=0.4, high=0.6, n=100
)
ALERT = Alert(use_case="taxi", night=NIGHT, kind="drift", subject="distance", message="far off")


def test_a_night_taken_again_replaces_its_counts(engine: sa.Engine) -> None:
    warehouse.record_ingestion(engine, INGESTION)
    after = replace(INGESTION, rows_in=12, rows_valid=9)
    warehouse.record_ingestion(engine, after)
    assert warehouse.ingestions(engine, "taxi") == (after,)


def test_rows_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(DataError, match="10 rows came in, but 7 valid and 2 quarantined do not add up"):
        replace(INGESTION, rows_quarantined=2)


def test_the_database_itself_refuses_rows_that_do_not_add_up(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="nothing_lost"), warehouse.write_transaction(engine) as connection:
        connection.exec_driver_sql("INSERT INTO ingestions VALUES ('taxi', '2013-02-08', 'rides', 10, 7, 2)")


def test_metrics_are_stored_once_and_read_by_what_is_asked(engine: sa.Engine) -> None:
    other = replace(METRIC, slice="airport", n=20)
    for _ in range(2):
        warehouse.record_metrics(engine, [METRIC, other])
    assert warehouse.metrics(engine, "taxi") == (other, METRIC)
    assert warehouse.metrics(engine, "taxi", slice="all", metric="log_loss", model_digest="m1") == (METRIC,)
    assert warehouse.metrics(engine, "taxi", metric="auc") == ()


def test_a_metric_that_cannot_be_computed_is_none(engine: sa.Engine) -> None:
    warehouse.record_metrics(engine, [replace(METRIC, value=float("nan"), low=None, high=float("nan"))])
    (result,) = warehouse.metrics(engine, "taxi")
    assert (result.value, result.low, result.high) == (None, None, None)


def test_the_last_message_of_an_alert_stands(engine: sa.Engine) -> None:
    warehouse.raise_alert(engine, ALERT)
    warehouse.raise_alert(engine, replace(ALERT, message="still far off"))
    assert [alert.message for alert in warehouse.alerts(engine, "taxi")] == ["still far off"]


@pytest.mark.parametrize(
    ("first", "last", "days"), [(None, None, [0, 1, 2]), (1, None, [1, 2]), (None, 1, [0, 1]), (1, 1, [1])]
)
def test_nights_are_asked_for_from_the_first_to_the_last(
    engine: sa.Engine, first: int | None, last: int | None, days: list[int]
) -> None:
    for day in (2, 0, 1):
        warehouse.raise_alert(engine, replace(ALERT, night=NIGHT + timedelta(days=day)))
    bounds = [None if day is None else NIGHT + timedelta(days=day) for day in (first, last)]
    assert [(alert.night - NIGHT).days for alert in warehouse.alerts(engine, "taxi", *bounds)] == days


def test_a_series_has_the_whole_nights_of_some_metrics(engine: sa.Engine) -> None:
    metric = Metric(use_case="taxi", night=NIGHT, model_digest="m1", slice="all", metric="auc", value=0.7, n=9)
    later = replace(metric, night=NIGHT + timedelta(days=1), metric="log_loss")
    others = (replace(metric, slice="zone=1"), replace(metric, metric="brier"), replace(metric, use_case="gym"))
    warehouse.record_metrics(engine, [metric, later, *others])
    assert warehouse.metric_series(engine, "taxi", ("auc", "log_loss"), NIGHT) == (metric, later)
    assert warehouse.metric_series(engine, "taxi", ("auc", "log_loss"), later.night) == (later,)
    assert warehouse.metric_series(engine, "taxi", ("auc", "log_loss"), NIGHT, NIGHT) == (metric,)


def test_a_page_of_a_year_is_found_by_its_metrics_and_not_by_walking_all(home: Settings) -> None:
    engine, asked = warehouse.engine(home.warehouse_url), []

    def note(_connection: object, _cursor: object, text: str, values: object, *_: object) -> None:
        if text.startswith("SELECT"):
            asked.append((text, values))

    sa.event.listen(engine, "before_cursor_execute", note)
    warehouse.metric_series(engine, "taxi", ("auc", "log_loss"), NIGHT)
    warehouse.task_times(engine, "taxi", NIGHT)
    sa.event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()) for text, values in asked]
    assert len(plans) == 2
    assert all(
        "ix_metrics_use_case_metric_night_slice (use_case=? AND metric=? AND night>? AND night<?)" in each
        for each in plans
    )
