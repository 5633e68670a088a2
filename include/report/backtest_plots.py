"""A replay's pictures: what each policy came to by block, and what a model's age costs."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from include.plotting import style
from include.plotting.style import INK, MODEL
from include.steps.backtest import BacktestRun
from ml import targets
from ml.retraining.backtest.model_ageing import LossByAge
from ml.retraining.backtest.results import PolicyResult, Results, is_significant
from ml.targets import DisplayNames

QUALITY, AGES = "quality", "ages"
_DOTS = 130


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture by its name, and what it shows in words."""

    name: str
    caption: str
    svg: str
    png: bytes


def draw(backtest: BacktestRun) -> tuple[Picture, ...]:
    """Return the pictures of a replay; none of ages where fewer than two models were trained."""
    results, display_names = backtest.results, get_display_names(backtest)
    caption = (
        f"{display_names.loss} by block; what each policy has gained on {results.policies[0].policy} so far; below, models asked "
        "for (lines) and let in (dots)."
    )
    drawn = [_picture(QUALITY, caption, quality(results, display_names))]
    if backtest.ages:
        caption = (
            f"What models of an age lose more, in {display_names.loss}, than the freshest on the same rows, with intervals by "
            "week; filled where that is shown."
        )
        drawn.append(_picture(AGES, caption, ages(backtest.ages, display_names)))
    return tuple(drawn)


def get_display_names(backtest: BacktestRun) -> DisplayNames:
    """Return what the numbers of the replay's use case are called."""
    return targets.target_type(backtest.context.case).display_names


def _picture(name: str, caption: str, figure: Figure) -> Picture:
    svg, buffer = style.to_svg(figure), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS, facecolor="white")
    return Picture(name=name, caption=caption, svg=svg, png=buffer.getvalue())


def quality(results: Results, display_names: DisplayNames) -> Figure:
    """Return loss by block, the gain so far on the first policy, and below when models were asked for and let in."""
    count = len(results.policies)
    figure = Figure(figsize=(7.2, 5.4 + 0.2 * count), layout="constrained")
    figure.patch.set_alpha(0)
    loss, gain, events = figure.subplots(3, 1, sharex=True, height_ratios=(2.4, 2.4, 0.35 + 0.2 * count))
    colours = [INK, *_colours()]
    for position, each in enumerate(results.policies):
        colour = colours[position % len(colours)]
        days = pd.to_datetime([block.first_night for block in each.blocks])
        loss.plot(days, [stretch.loss for stretch in each.blocks], color=colour, linewidth=1.1)
        gain.plot(days, _cumulative_gain(each, results), color=colour, linewidth=1.3)
        _mark(events, position, each, colour)
    _finish(loss, gain, events, results, display_names)
    return figure


def _colours() -> list[Any]:
    """Return colours that are told apart, none of them grey: that is the first policy's."""
    return [each for each in mpl.colormaps["tab10"].colors if len(set(each)) > 1]  # type: ignore[attr-defined]  # a listed map


def _cumulative_gain(each: PolicyResult, results: Results) -> list[float]:
    """Return how much less was lost than by the first policy up to each block, as a share of all rows."""
    first = results.policies[0].blocks
    steps = ((one.loss - own.loss) * own.rows / results.rows for one, own in zip(first, each.blocks, strict=True))
    return list(accumulate(steps))


def _mark(events: Axes, position: int, each: PolicyResult, colour: Any) -> None:
    """Write a line where a model was asked for, and a dot where one was let in."""
    requested, released = (pd.to_datetime(list(nights)) for nights in (each.requested_nights, each.released_nights))
    events.plot(requested, [position] * len(requested), "|", color=colour, markersize=11)
    events.plot(released, [position] * len(released), "o", color=colour, markersize=5)


def _finish(loss: Axes, gain: Axes, events: Axes, results: Results, display_names: DisplayNames) -> None:
    loss.set_ylabel(f"{display_names.loss} by block")
    gain.set_ylabel(f"gain on {results.policies[0].policy}")
    gain.axhline(0, color=INK, linewidth=0.8)
    events.set_yticks(range(len(results.policies)), [each.policy for each in results.policies], fontsize=7)
    events.set_ylim(len(results.policies) - 0.5, -0.5)
    for axes in (loss, gain, events):
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=INK, alpha=0.15)
    nights = [date.fromisoformat(each) for each in results.nights]
    events.set_xlim(*nights)  # type: ignore[arg-type]  # matplotlib takes dates
    style.format_dates(events)
    for label, line in zip(events.get_yticklabels(), loss.get_lines(), strict=True):
        label.set_color(line.get_color())


def ages(model_ages: Sequence[LossByAge], display_names: DisplayNames) -> Figure:
    """Return by age in nights what models lose more than the freshest; a ring where the interval holds 0."""
    figure, axes = style.new_figure()
    middles = [(each.first + each.last) / 2 for each in model_ages]
    values = [each.excess.value for each in model_ages]
    lows = [each.excess.value - each.excess.low for each in model_ages]
    highs = [each.excess.high - each.excess.value for each in model_ages]
    axes.errorbar(middles, values, (lows, highs), color=MODEL, linewidth=1.1, capsize=3)
    axes.scatter(
        middles,
        values,
        facecolors=[MODEL if is_significant(each.excess) else "none" for each in model_ages],
        edgecolors=MODEL,
        zorder=3,
    )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(0, model_ages[-1].last)
    axes.set_xlabel("age in nights")
    axes.set_ylabel(f"{display_names.loss} lost more")
    return figure
