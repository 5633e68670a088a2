"""A training's pictures: is a score what came, what acting brings, how good on which rows, and who is treated how."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from include.plotting import style
from include.plotting.style import INK, MARK, MODEL, TRUTH
from ml.evaluation.diagnostics import Findings
from ml.evaluation.slice_metrics import Segment
from ml.metrics.curves import Bin, Gains
from ml.statistics.intervals import Interval
from ml.targets import Group, Target

_LINE, _TICKS = 0.24, 12
_MOST_LINES, _LONGEST = 40, 30


def draw(found: Findings, names: Collection[str], target: Target) -> dict[str, str]:
    """Return the pictures called `names` as SVG."""
    drawn: dict[str, Callable[[], str]] = {
        "reliability": lambda: reliability(found.bins, target),
        "gains": lambda: gains(found.gains) if found.gains else "",
        "slices": lambda: slices(found.segments, target),
        "fairness": lambda: fairness(found.groups),
    }
    return {name: drawn[name]() for name in names}


def reliability(bins: Sequence[Bin], target: Target) -> str:
    """Return mean score against what came, with intervals over nights and the count of each bin."""
    figure, axes = style.blank(height=3.4)
    known = [(each.score, each.seen) for each in bins if each.seen is not None]
    ends, top = _ends(bins, known, target)
    axes.plot(ends, target.right_at(ends), color=INK, linewidth=0.8, linestyle="--", label="perfectly calibrated")
    for place, (score, seen) in enumerate(known):
        axes.plot([score, score], [max(seen.low, 0), min(seen.high, 1)], color=MODEL, linewidth=1.4, alpha=0.6)
        axes.plot([score], [seen.value], color=MODEL, marker="o", label=_once("seen, interval by nights", place))
    _counts(axes, bins)
    axes.set_xlim(*ends)
    axes.set_ylim(0, top)
    axes.set_xlabel(target.words.score_axis)
    return style.svg(figure, axes, target.words.came, dates=False)


def _ends(
    bins: Sequence[Bin], known: Sequence[tuple[float, Interval]], target: Target
) -> tuple[tuple[float, float], float]:
    """Return the ends of the axis of scores, and the top of that of what came."""
    scores = [each.score for each in bins]
    if target.words.bounds is None:
        room = 0.05 * (max(scores) - min(scores)) + 1e-9
        return (min(scores) - room, max(scores) + room), 1.0
    top = min(1.0, 1.05 * max([*scores, *(seen.high for _, seen in known)]))
    return (0.0, top), top


def _counts(axes: Axes, bins: Sequence[Bin]) -> None:
    """Mark the mean score of each bin on the axis, and write how many rows a bin has."""
    axes.plot([each.score for each in bins], [0] * len(bins), "|", color=INK, markersize=9, clip_on=False)
    fewest, most = min(each.rows for each in bins), max(each.rows for each in bins)
    rows = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    axes.text(0.985, 0.03, f"{len(bins)} bins of {rows} rows", transform=axes.transAxes, ha="right", fontsize=8)


def gains(curve: Gains) -> str:
    """Return what acting on the highest scores finds of all positives, and saves, by the share acted on."""
    figure, (left, right) = style.panels(2, 2.9, shared=False)
    left.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="in any order")
    left.plot(curve.shares, curve.found, color=MODEL, label="highest scores first")
    right.plot(curve.shares, curve.saved, color=TRUTH)
    right.axhline(0, color=INK, linewidth=0.8)
    for axes, told in ((left, "share of positives found"), (right, "saved per 1000 rows")):
        axes.axvline(curve.acted, color=MARK, linewidth=0.9, linestyle=":", label=f"acted on: {curve.acted:.0%}")
        axes.set_xlabel("share of rows acted on")
        axes.set_ylabel(told)
        axes.grid(axis="y", color=INK, alpha=0.15)
        axes.legend(loc="best", fontsize=8)
    return style.text(figure)


def slices(segments: Sequence[Segment], target: Target) -> str:
    """Return loss and calibration of each part of the rows, with intervals over nights."""
    shown = [each for each in segments if each.quality is not None][:_MOST_LINES]
    names = [f"{_short(each.name)} ({each.quality.rows:,})" for each in shown if each.quality is not None]
    loss, calibration = f"{target.words.loss} ({target.words.loss_unit})", target.words.calibration
    columns = {loss: [each.loss for each in shown], calibration: [each.calibration for each in shown]}
    marks = {loss: shown[0].loss.value if shown[0].loss else None, calibration: target.calibrated_at}
    return _lines(names, columns, marks, [True] * len(shown))


def fairness(groups: Sequence[Group]) -> str:
    """Return each group's numbers with intervals over nights; groups that are too small to be gated are grey."""
    shown = groups[:_MOST_LINES]
    columns = {told: [each.drawn[told][0] for each in shown] for told in shown[0].drawn}
    names = [f"{_short(f'{each.by}={each.level}')} ({each.rows:,})" for each in shown]
    marks = {told: mark for told, (_, mark) in shown[0].drawn.items()}
    return _lines(names, columns, marks, [each.gated for each in shown])


def _lines(
    names: Sequence[str],
    columns: dict[str, list[Interval | None]],
    marks: dict[str, float | None],
    strong: Sequence[bool],
) -> str:
    """Return a line for each name with an interval in every column; a mark is what a column is compared with."""
    figure, panels = style.panels(len(columns), 0.9 + _LINE * len(names))
    for axes, (told, intervals) in zip(panels, columns.items(), strict=True):
        for place, (each, is_strong) in enumerate(zip(intervals, strong, strict=True)):
            if each is not None:
                colour = MODEL if is_strong else INK
                axes.plot([each.low, each.high], [place, place], color=colour, linewidth=1.6, alpha=0.6)
                axes.plot([each.value], [place], color=colour, marker="o", markersize=4)
        mark = marks.get(told)
        if mark is not None:
            axes.axvline(mark, color=MARK, linewidth=0.9, linestyle=":")
        axes.set_xlim(*_limits([each for each in intervals if each is not None]))
        axes.set_xlabel(told, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS // len(columns)))
        axes.grid(axis="x", color=INK, alpha=0.15)
    panels[0].set_yticks(range(len(names)), list(names))
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    return style.text(figure)


def _limits(intervals: Sequence[Interval]) -> tuple[float, float]:
    """Return an axis that holds every value, and intervals unless they are far wider than the values are apart."""
    if not intervals:
        return 0.0, 1.0
    values = [each.value for each in intervals]
    reach = 1.5 * float(np.median([each.high - each.low for each in intervals])) + 0.02
    low, high = min(values) - reach, max(values) + reach
    return max(low, min(each.low for each in intervals) - 0.02), min(high, max(each.high for each in intervals) + 0.02)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _once(label: str, place: int) -> str | None:
    return label if place == 0 else None
