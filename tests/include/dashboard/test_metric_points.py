"""Stored metrics become the points of a chart, one for each night."""

from datetime import date

from include.dashboard import metric_points
from include.dashboard.line_charts import Point
from include.stores.warehouse import Metric


def metric(day: int, value: float | None, n: int, name: str = "log_loss") -> Metric:
    return Metric(
        use_case="flights", night=date(2013, 1, day), model_digest=str(n), slice="all", metric=name, value=value, n=n
    )


def test_of_two_models_in_a_night_the_one_with_more_rows_is_drawn_and_nights_are_in_order() -> None:
    rows = [metric(2, 0.2, 9), metric(1, 0.5, 10), metric(1, 0.7, 90), metric(1, None, 99), metric(1, 0.1, 1, "gap")]
    points = metric_points.by_name(rows)
    assert points["log_loss"] == (
        Point(night=date(2013, 1, 1), value=0.7),
        Point(night=date(2013, 1, 2), value=0.2),
    )
    assert [each.value for each in points["gap"]] == [0.1]
    assert points["unknown"] == ()
