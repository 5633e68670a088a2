"""The stored metrics of a model as the points of line charts."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from include.dashboard.line_charts import Point
from include.stores.warehouse import Metric


def by_name(metrics: Iterable[Metric]) -> dict[str, tuple[Point, ...]]:
    """Return the points of each metric; if two models answered in a night, those of the model with more rows."""
    largest: dict[tuple[str, date], Metric] = {}
    for each in metrics:
        key = each.metric, each.night
        if each.value is not None and (key not in largest or each.n > largest[key].n):
            largest[key] = each
    series: defaultdict[str, list[Point]] = defaultdict(list)
    for (name, night), each in sorted(largest.items()):
        assert each.value is not None
        series[name].append(Point(night=night, value=each.value, low=each.low, high=each.high))
    return defaultdict(tuple, {name: tuple(points) for name, points in series.items()})
