"""Dates on an axis are labelled for any range of nights."""

import pandas as pd
import pytest

from include.plotting import style


@pytest.mark.parametrize("every", ["D", "MS"], ids=["every night", "every month"])
@pytest.mark.parametrize("count", [2, 4, 5, 30, 365])
def test_any_count_of_nights_has_a_few_labels(count: int, every: str) -> None:
    days = pd.date_range("2013-01-01", periods=count, freq=every)
    figure, axes = style.new_figure()
    axes.plot(days, range(count))
    style.format_dates(axes)
    assert style.to_svg(figure).startswith("<svg")
    assert 1 <= len(axes.get_xticks()) <= 12
