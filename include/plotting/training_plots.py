"""The plots of a training: reliability, gains, slice metrics and fairness."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from include.plotting import style
from include.plotting.style import INK, MARK, MODEL, TRUTH
from ml.evaluation.diagnostics import Diagnostics
from ml.evaluation.slice_metrics import SliceMetrics
from ml.metrics.curves import GainsCurve, ReliabilityBin
from ml.statistics.intervals import Interval
from ml.targets import Group, Target

_LINE_HEIGHT, _TICKS = 0.24, 12
_MAX_LINES, _MAX_NAME_LENGTH = 40, 30


def draw(diagnostics: Diagnostics, names: Collection[str], target: Target) -> dict[str, str]:
    """Return the plots called `names` as SVG, by name."""
    drawn: dict[str, Callable[[], str]] = {
        "reliability": lambda: reliability(diagnostics.reliability_bins, target),
        "gains": lambda: gains(diagnostics.gains_curve) if diagnostics.gains_curve else "",
        "slices": lambda: slices(diagnostics.segments, target),
        "fairness": lambda: fairness(diagnostics.groups),
    }
    return {name: drawn[name]() for name in names}


def reliability(bins: Sequence[ReliabilityBin], target: Target) -> str:
    """Return a reliability plot: mean score against the observed outcome of each bin, with intervals over nights."""
    figure, axes = style.new_figure(height=3.4)
    known = [(each.score, each.observed) for each in bins if each.observed is not None]
    ends, top = _score_limits(bins, known, target)
    axes.plot(
        ends, target.ideal_calibration(ends), color=INK, linewidth=0.8, linestyle="--", label="perfectly calibrated"
    )
    for index, (score, observed) in enumerate(known):
        axes.plot([score, score], [max(observed.low, 0), min(observed.high, 1)], color=MODEL, linewidth=1.4, alpha=0.6)
        label = _label_once("observed, interval over nights", index)
        axes.plot([score], [observed.value], color=MODEL, marker="o", label=label)
    _draw_counts(axes, bins)
    axes.set_xlim(*ends)
    axes.set_ylim(0, top)
    axes.set_xlabel(target.display_names.score_axis)
    return style.finish_svg(figure, axes, target.display_names.observed_axis)


def _score_limits(
    bins: Sequence[ReliabilityBin], known: Sequence[tuple[float, Interval]], target: Target
) -> tuple[tuple[float, float], float]:
    """Return the limits of the score axis, and the upper limit of the axis of observed outcomes."""
    scores = [each.score for each in bins]
    if target.display_names.score_bounds is None:
        margin = 0.05 * (max(scores) - min(scores)) + 1e-9
        return (min(scores) - margin, max(scores) + margin), 1.0
    top = min(1.0, 1.05 * max([*scores, *(observed.high for _, observed in known)]))
    return (0.0, top), top


def _draw_counts(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    """Mark the mean score of each bin on the axis, and print the number of rows per bin."""
    axes.plot([each.score for each in bins], [0] * len(bins), "|", color=INK, markersize=9, clip_on=False)
    fewest, most = min(each.rows for each in bins), max(each.rows for each in bins)
    rows = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    axes.text(0.985, 0.03, f"{len(bins)} bins of {rows} rows", transform=axes.transAxes, ha="right", fontsize=8)


def gains(curve: GainsCurve) -> str:
    """Return a gains plot: recall and money saved per 1000 rows, by the share of rows acted on, by descending score."""
    figure, (left, right) = style.panels(2, 2.9, shared=False)
    left.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="random order")
    left.plot(curve.shares, curve.recall, color=MODEL, label="highest scores first")
    right.plot(curve.shares, curve.saved_per_1000, color=TRUTH)
    right.axhline(0, color=INK, linewidth=0.8)
    for axes, label in ((left, "share of positives found"), (right, "saved per 1000 rows")):
        axes.axvline(
            curve.share_above_threshold,
            color=MARK,
            linewidth=0.9,
            linestyle=":",
            label=f"acted on: {curve.share_above_threshold:.0%}",
        )
        axes.set_xlabel("share of rows acted on")
        axes.set_ylabel(label)
        axes.grid(axis="y", color=INK, alpha=0.15)
        axes.legend(loc="best", fontsize=8)
    return style.to_svg(figure)


def slices(segments: Sequence[SliceMetrics], target: Target) -> str:
    """Return a plot of loss and calibration of each slice, with intervals over nights."""
    plotted = [each for each in segments if each.quality is not None][:_MAX_LINES]
    names = [f"{_truncate(each.name)} ({each.quality.rows:,})" for each in plotted if each.quality is not None]
    loss, calibration = (
        f"{target.display_names.loss} ({target.display_names.loss_unit})",
        target.display_names.calibration,
    )
    columns = {loss: [each.loss for each in plotted], calibration: [each.calibration for each in plotted]}
    marks = {loss: plotted[0].loss.value if plotted[0].loss else None, calibration: target.calibration_reference}
    return _interval_plot(names, columns, marks, [True] * len(plotted))


def fairness(groups: Sequence[Group]) -> str:
    """Return a plot of each group's metrics, with intervals over nights; groups too small to be gated are grey."""
    plotted = groups[:_MAX_LINES]
    columns = {metric: [each.chart_values[metric][0] for each in plotted] for metric in plotted[0].chart_values}
    names = [f"{_truncate(f'{each.column}={each.level}')} ({each.rows:,})" for each in plotted]
    marks = {metric: mark for metric, (_, mark) in plotted[0].chart_values.items()}
    return _interval_plot(names, columns, marks, [each.gated for each in plotted])


def _interval_plot(
    names: Sequence[str],
    columns: dict[str, list[Interval | None]],
    marks: dict[str, float | None],
    highlighted: Sequence[bool],
) -> str:
    """Return a plot with one line per name and one interval per column; `marks` are reference values of the columns."""
    figure, panels = style.panels(len(columns), 0.9 + _LINE_HEIGHT * len(names))
    for axes, (title, intervals) in zip(panels, columns.items(), strict=True):
        for position, (each, is_highlighted) in enumerate(zip(intervals, highlighted, strict=True)):
            if each is not None:
                color = MODEL if is_highlighted else INK
                axes.plot([each.low, each.high], [position, position], color=color, linewidth=1.6, alpha=0.6)
                axes.plot([each.value], [position], color=color, marker="o", markersize=4)
        mark = marks.get(title)
        if mark is not None:
            axes.axvline(mark, color=MARK, linewidth=0.9, linestyle=":")
        axes.set_xlim(*_interval_limits([each for each in intervals if each is not None]))
        axes.set_xlabel(title, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS // len(columns)))
        axes.grid(axis="x", color=INK, alpha=0.15)
    panels[0].set_yticks(range(len(names)), list(names))
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    return style.to_svg(figure)


def _interval_limits(intervals: Sequence[Interval]) -> tuple[float, float]:
    """Return axis limits that show every value, and cut off intervals that are far wider than the typical interval."""
    if not intervals:
        return 0.0, 1.0
    values = [each.value for each in intervals]
    reach = 1.5 * float(np.median([each.high - each.low for each in intervals])) + 0.02
    low, high = min(values) - reach, max(values) + reach
    return max(low, min(each.low for each in intervals) - 0.02), min(high, max(each.high for each in intervals) + 0.02)


def _truncate(name: str) -> str:
    return name if len(name) <= _MAX_NAME_LENGTH else name[: _MAX_NAME_LENGTH - 1] + "…"


def _label_once(label: str, index: int) -> str | None:
    return label if index == 0 else None
