"""The models of all horizons of a use case side by side: quality, calibration, and the answers of live horizons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

import sqlalchemy as sa

from include import usecases
from include.dashboard import metric_points
from include.dashboard.line_charts import Chart, Point, Series
from include.stores import warehouse
from ml.targets import DisplayNames
from ml.usecase import UseCase

_COVERAGE, _LATE, _LONGEST_GAP = "live_coverage", "snapshots_late", "snapshot_gap_minutes"
_LIVE = (_COVERAGE, _LATE, _LONGEST_GAP)
_NIGHTS = 28

Points = Mapping[str, tuple[Point, ...]]  # by metric


@dataclass(frozen=True, kw_only=True, slots=True)
class HorizonComparison:
    """Charts with a line for each horizon, and a table with a row for each, over the last nights that all have.

    A row has the name of the model, its loss and calibration gap, the share of entities that were answered live, and
    the number of late snapshots, as texts.
    """

    charts: tuple[Chart, ...]
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str


def gather(
    engine: sa.Engine, case: UseCase, display_names: DisplayNames, first: date, last: date
) -> HorizonComparison | None:
    """Return the comparison for the nights `first` to `last`; None if the use case has one horizon."""
    models = usecases.get(case.dataset).models
    if len(models) < 2:
        return None
    names = (display_names.metric, "calibration_gap", *_LIVE)
    series = {
        model.name: metric_points.by_name(warehouse.metric_series(engine, model.name, names, first, last))
        for model in models
    }
    measured = (display_names.metric, "calibration_gap")
    nights = _common_nights(series, display_names.metric)
    charts = (
        _chart(f"{display_names.loss} ({display_names.loss_unit})", series, display_names.metric),
        _chart("calibration gap", series, "calibration_gap"),
        _chart("share of entities that were answered live", series, _COVERAGE),
        _chart("longest time without a new live snapshot, minutes", series, _LONGEST_GAP),
    )
    return HorizonComparison(
        charts=tuple(each for each in charts if each.series),
        headers=("model", display_names.loss, "calibration gap", "answered live", "late snapshots"),
        rows=tuple(
            (
                model,
                *(_mean(points[name], nights, "{:.4f}") for name in measured),
                _mean(points[_COVERAGE], nights, "{:.1%}"),
                f"{sum(late):.0f}" if (late := _known(points[_LATE], nights)) else "",
            )
            for model, points in series.items()
        ),
        caption=f"Means over the last {len(nights)} nights that every model has labels of"
        if nights
        else "No night has labels for the scores of every model yet",
    )


def _common_nights(series: Mapping[str, Points], metric: str) -> list[date]:
    """Return the last nights that all models have the metric of, in order."""
    common = set.intersection(*({point.night for point in points[metric]} for points in series.values()))
    return sorted(common)[-_NIGHTS:]


def _chart(title: str, series: Mapping[str, Points], metric: str) -> Chart:
    lines = (Series(name=model, points=points[metric]) for model, points in series.items())
    return Chart(title=title, series=tuple(each for each in lines if each.points))


def _known(points: Iterable[Point], nights: Sequence[date]) -> list[float]:
    return [each.value for each in points if each.night in nights]


def _mean(points: Iterable[Point], nights: Sequence[date], form: str) -> str:
    known = _known(points, nights)
    return form.format(fmean(known)) if known else ""
