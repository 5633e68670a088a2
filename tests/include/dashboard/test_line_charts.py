"""Where points, ticks and marks lie."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.dashboard import line_charts
from include.dashboard.line_charts import Chart, Mark, Point, Series

NIGHT = date(2013, 2, 8)
NUMBERS = st.floats(-1e9, 1e9).map(lambda value: round(value, 6))


def chart(*values: float, marks: tuple[Mark, ...] = ()) -> Chart:
    points = tuple(Point(night=NIGHT + timedelta(days=day), value=value) for day, value in enumerate(values))
    return Chart(title="loss", series=(Series(name="measured", points=points),), marks=marks)


@given(NUMBERS, NUMBERS)
def test_ticks_rise_at_equal_distances_and_hold_both_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = line_charts.ticks(low, high)
    step, slack = ticks[1] - ticks[0], 1e-6 * max(abs(low), abs(high), 1e-6)
    assert 2 <= len(ticks) <= 7
    assert ticks[0] <= low + slack
    assert high - slack <= ticks[-1]
    assert [b - a for a, b in pairwise(ticks)] == pytest.approx([step] * (len(ticks) - 1), rel=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        pytest.param(0.0, 0.0, (0.0, 1.0), id="nothing but nought"),
        pytest.param(0.45, 0.55, (0.45, 0.475, 0.5, 0.525, 0.55), id="a loss"),
        pytest.param(-3.0, 9.0, (-5.0, 0.0, 5.0, 10.0), id="both sides of nought"),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert line_charts.ticks(low, high) == pytest.approx(ticks)


@given(st.lists(NUMBERS, min_size=2, max_size=30))
def test_every_point_lies_within_the_frame(values: list[float]) -> None:
    drawn = line_charts.draw(chart(*values))
    assert drawn is not None
    places = [tuple(map(float, result)) for result in re.findall(r"([-\d.]+),([-\d.]+)", drawn.lines[0].path)]
    assert len(places) == len(values)
    assert all(drawn.left <= x <= drawn.right and drawn.top <= y <= drawn.bottom for x, y in places)


def test_more_is_higher_up() -> None:
    drawn = line_charts.draw(chart(1.0, 2.0))
    assert drawn is not None
    assert drawn.lines[0].path == "M58.0,194.0L708.0,14.0"


def test_nothing_measured_is_no_picture() -> None:
    assert chart().drawing is None


def test_a_single_night_is_a_dot() -> None:
    drawn = chart(0.5).drawing
    assert drawn is not None
    assert drawn.lines[0].dot is not None


def test_an_interval_that_is_far_wider_than_the_values_does_not_flatten_them() -> None:
    points = (
        Point(night=NIGHT, value=1.0, low=-100, high=100),
        Point(night=NIGHT + timedelta(days=1), value=2.0, low=0, high=3),
    )
    drawn = line_charts.draw(Chart(title="loss", series=(Series(name="expected", points=points),)))
    assert drawn is not None
    assert [tick.label for tick in drawn.values] == ["0", "1", "2", "3"]
    assert drawn.lines[0].band.endswith("Z")


def test_marks_outside_the_nights_are_left_out() -> None:
    marks = tuple(Mark(night=NIGHT + timedelta(days=day), kind="retrain", label="") for day in (-1, 0, 5))
    drawn = chart(1.0, 2.0, marks=marks).drawing
    assert drawn is not None
    assert [mark.night for _, mark in drawn.marks] == [NIGHT]


def test_what_is_not_seen_is_told() -> None:
    drawn = chart(1.0, 3.0, 2.0).drawing
    assert drawn is not None
    assert "measured: from 1 on 2013-02-08 to 2 on 2013-02-10, minimum 1, maximum 3" in drawn.description


def test_few_nights_are_rows_of_their_own_the_newest_first() -> None:
    result = chart(1.0, 2.0)
    assert result.row_label == "night"
    assert [(row.night, row.values) for row in result.table] == [(date(2013, 2, 9), (2.0,)), (NIGHT, (1.0,))]


def test_many_nights_are_told_by_the_week() -> None:
    result = chart(*range(70))
    assert result.row_label == "week from"
    assert len(result.table) == 11
    assert result.table[-1].night == date(2013, 2, 4)
    assert result.table[-1].values == (1.0,)


def test_of_many_nights_the_line_is_the_mean_of_a_week_and_a_bad_night_does_not_flatten_it() -> None:
    values = [1.0] * 40 + [100.0] + [1.0] * 19 + [2.0] * 10
    drawn = chart(*values).drawing
    assert drawn is not None
    assert drawn.is_weekly
    assert float(drawn.values[-1].label) < 40
    (line,) = drawn.lines
    means, nights = (
        [float(y) for _, y in re.findall(r"([-\d.]+),([-\d.]+)", path)] for path in (line.path, line.nights)
    )
    assert len(means) == len(nights) == len(values)
    assert nights[40] == drawn.top
    assert means[39] == nights[39] == means[50]
    assert means[40] < means[39]
    assert means[-1] == nights[-1]
    assert line.band == ""


def test_a_mean_of_a_week_has_no_night_of_the_week_before() -> None:
    points = [Point(night=NIGHT + timedelta(days=5 * day), value=float(day % 2)) for day in range(70)]
    drawn = Chart(title="loss", series=(Series(name="measured", points=tuple(points)),)).drawing
    assert drawn is not None
    assert len(set(re.findall(r",([-\d.]+)", drawn.lines[0].path))) == 2  # 0, and .5 ever after


def test_of_few_nights_the_line_goes_through_each() -> None:
    drawn = chart(1.0, 2.0).drawing
    assert drawn is not None
    assert (drawn.is_weekly, drawn.lines[0].nights) == (False, "")
