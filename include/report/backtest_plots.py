"""The plots of a backtest: loss and gain of each policy by block, and the cost of a model's age."""

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
    """A plot in two formats, with its name and its caption."""

    name: str
    caption: str
    svg: str
    png: bytes


def draw(backtest: BacktestRun) -> tuple[Picture, ...]:
    """Return the plots of a backtest; the plot of ages only if at least two models were trained."""
    results, display_names = backtest.results, get_display_names(backtest)
    caption = (
        f"{display_names.loss} by block; cumulative gain of each policy over {results.policies[0].policy}; "
        "below, models requested (lines) and released (dots)."
    )
    drawn = [_picture(QUALITY, caption, quality(results, display_names))]
    if backtest.ages:
        caption = (
            f"Excess {display_names.loss} of models by age, over the freshest model on the same rows, "
            "with intervals over weeks; a dot is filled if the interval excludes 0."
        )
        drawn.append(_picture(AGES, caption, ages(backtest.ages, display_names)))
    return tuple(drawn)


def get_display_names(backtest: BacktestRun) -> DisplayNames:
    """Return the display names of the metrics of the backtest's use case."""
    return targets.target_type(backtest.context.case).display_names


def _picture(name: str, caption: str, figure: Figure) -> Picture:
    svg, buffer = style.to_svg(figure), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS, facecolor="white")
    return Picture(name=name, caption=caption, svg=svg, png=buffer.getvalue())


def quality(results: Results, display_names: DisplayNames) -> Figure:
    """Return loss by block, cumulative gain over the first policy, and the nights of requests and releases."""
    count = len(results.policies)
    figure = Figure(figsize=(7.2, 5.4 + 0.2 * count), layout="constrained")
    figure.patch.set_alpha(0)
    loss, gain, events = figure.subplots(3, 1, sharex=True, height_ratios=(2.4, 2.4, 0.35 + 0.2 * count))
    colours = [INK, *_colours()]
    for position, each in enumerate(results.policies):
        colour = colours[position % len(colours)]
        days = pd.to_datetime([block.first_night for block in each.blocks])
        loss.plot(days, [block.loss for block in each.blocks], color=colour, linewidth=1.1)
        gain.plot(days, _cumulative_gain(each, results), color=colour, linewidth=1.3)
        _mark(events, position, each, colour)
    _finish(loss, gain, events, results, display_names)
    return figure


def _colours() -> list[Any]:
    """Return distinguishable colours without grey, which is the colour of the first policy."""
    return [each for each in mpl.colormaps["tab10"].colors if len(set(each)) > 1]  # type: ignore[attr-defined]  # a listed map


def _cumulative_gain(each: PolicyResult, results: Results) -> list[float]:
    """Return the loss saved over the first policy up to each block; blocks are weighted by their share of all rows."""
    blocks = zip(results.policies[0].blocks, each.blocks, strict=True)
    return list(accumulate((first.loss - block.loss) * block.rows / results.rows for first, block in blocks))


def _mark(events: Axes, position: int, each: PolicyResult, colour: Any) -> None:
    """Draw a line for each night on which a model was requested, and a dot for each release."""
    requested, released = (pd.to_datetime(list(nights)) for nights in (each.requested_nights, each.released_nights))
    events.plot(requested, [position] * len(requested), "|", color=colour, markersize=11)
    events.plot(released, [position] * len(released), "o", color=colour, markersize=5)


def _finish(loss: Axes, gain: Axes, events: Axes, results: Results, display_names: DisplayNames) -> None:
    loss.set_ylabel(f"{display_names.loss} by block")
    gain.set_ylabel(f"gain over {results.policies[0].policy}")
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
    """Return the excess loss of models by age in nights; a hollow dot means that the interval contains 0."""
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
    axes.set_ylabel(f"excess {display_names.loss}")
    return figure
