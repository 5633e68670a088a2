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
from include.steps.backtest import Replayed
from ml import targets
from ml.retraining.backtest.model_ageing import Aged
from ml.retraining.backtest.results import Played, Results, is_shown
from ml.targets import Words

QUALITY, AGES = "quality", "ages"
_DOTS = 130


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture by its name, and what it shows in words."""

    name: str
    told: str
    svg: str
    png: bytes


def draw(replayed: Replayed) -> tuple[Picture, ...]:
    """Return the pictures of a replay; none of ages where fewer than two models were trained."""
    results, said = replayed.results, words(replayed)
    told = (
        f"{said.loss} by block; what each policy has gained on {results.played[0].policy} so far; below, models asked "
        "for (lines) and let in (dots)."
    )
    drawn = [_picture(QUALITY, told, quality(results, said))]
    if replayed.ages:
        told = (
            f"What models of an age lose more, in {said.loss}, than the freshest on the same rows, with intervals by "
            "week; filled where that is shown."
        )
        drawn.append(_picture(AGES, told, ages(replayed.ages, said)))
    return tuple(drawn)


def words(replayed: Replayed) -> Words:
    """Return what the numbers of the replay's use case are called."""
    return targets.of(replayed.scene.case).words


def _picture(name: str, told: str, figure: Figure) -> Picture:
    svg, written = style.text(figure), io.BytesIO()
    figure.savefig(written, format="png", dpi=_DOTS, facecolor="white")
    return Picture(name=name, told=told, svg=svg, png=written.getvalue())


def quality(results: Results, words: Words) -> Figure:
    """Return loss by block, the gain so far on the first policy, and below when models were asked for and let in."""
    count = len(results.played)
    figure = Figure(figsize=(7.2, 5.4 + 0.2 * count), layout="constrained")
    figure.patch.set_alpha(0)
    loss, gained, events = figure.subplots(3, 1, sharex=True, height_ratios=(2.4, 2.4, 0.35 + 0.2 * count))
    colours = [INK, *_colours()]
    for place, each in enumerate(results.played):
        colour = colours[place % len(colours)]
        days = pd.to_datetime([stretch.since for stretch in each.stretches])
        loss.plot(days, [stretch.loss for stretch in each.stretches], color=colour, linewidth=1.1)
        gained.plot(days, _gained(each, results), color=colour, linewidth=1.3)
        _mark(events, place, each, colour)
    _finish(loss, gained, events, results, words)
    return figure


def _colours() -> list[Any]:
    """Return colours that are told apart, none of them grey: that is the first policy's."""
    return [each for each in mpl.colormaps["tab10"].colors if len(set(each)) > 1]  # type: ignore[attr-defined]  # a listed map


def _gained(each: Played, results: Results) -> list[float]:
    """Return how much less was lost than by the first policy up to each block, as a share of all rows."""
    first = results.played[0].stretches
    steps = ((one.loss - own.loss) * own.rows / results.rows for one, own in zip(first, each.stretches, strict=True))
    return list(accumulate(steps))


def _mark(events: Axes, place: int, each: Played, colour: Any) -> None:
    """Write a line where a model was asked for, and a dot where one was let in."""
    asked, released = (pd.to_datetime(list(nights)) for nights in (each.asked, each.released))
    events.plot(asked, [place] * len(asked), "|", color=colour, markersize=11)
    events.plot(released, [place] * len(released), "o", color=colour, markersize=5)


def _finish(loss: Axes, gained: Axes, events: Axes, results: Results, words: Words) -> None:
    loss.set_ylabel(f"{words.loss} by block")
    gained.set_ylabel(f"gain on {results.played[0].policy}")
    gained.axhline(0, color=INK, linewidth=0.8)
    events.set_yticks(range(len(results.played)), [each.policy for each in results.played], fontsize=7)
    events.set_ylim(len(results.played) - 0.5, -0.5)
    for axes in (loss, gained, events):
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=INK, alpha=0.15)
    nights = [date.fromisoformat(each) for each in results.nights]
    events.set_xlim(*nights)  # type: ignore[arg-type]  # matplotlib takes dates
    style.date(events)
    for label, line in zip(events.get_yticklabels(), loss.get_lines(), strict=True):
        label.set_color(line.get_color())


def ages(found: Sequence[Aged], said: Words) -> Figure:
    """Return by age in nights what models lose more than the freshest; a ring where the interval holds 0."""
    figure, axes = style.blank()
    middles = [(each.first + each.last) / 2 for each in found]
    values = [each.excess.value for each in found]
    lows = [each.excess.value - each.excess.low for each in found]
    highs = [each.excess.high - each.excess.value for each in found]
    axes.errorbar(middles, values, (lows, highs), color=MODEL, linewidth=1.1, capsize=3)
    axes.scatter(
        middles,
        values,
        facecolors=[MODEL if is_shown(each.excess) else "none" for each in found],
        edgecolors=MODEL,
        zorder=3,
    )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(0, found[-1].last)
    axes.set_xlabel("age in nights")
    axes.set_ylabel(f"{said.loss} lost more")
    return figure
