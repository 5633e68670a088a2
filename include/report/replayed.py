"""What a replay came to: as data (`replay.json`), as a page (`index.html`), and as a picture (`quality.svg`, `.png`)."""

import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from html import escape
from itertools import accumulate
from pathlib import Path
from string import Template
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from include.report import canvas
from include.report.canvas import INK
from include.report.page import STYLE
from include.settings import Settings
from include.steps.replay import Replayed
from include.stores import atomic, pages
from ml import targets
from ml.replay import telling
from ml.replay.results import Played, Results
from ml.targets import Words

_SCHEMA = 1
_DOTS = 130
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Ratchet: replay of $title</title>
<style>
"""
    + STYLE
    + """</style></head><body>
<h1>Replay of $title</h1><p>$question</p><p>$made</p>
<figure role="img" aria-label="$caption">$picture<figcaption>$caption</figcaption></figure>
<h2>Policies</h2>$policies<p>$honest</p>
<h2>Which triggers fired</h2>$fired
$failed
<h2>How a model ages</h2>$ages
<h2>Each two beside each other</h2>$differences
$around
</body></html>
"""
)


def folder(replayed: Replayed, where: Settings) -> Path:
    """Return where the pages of a replay rest: one folder for the nights, with or without a gate."""
    asked = replayed.asked
    return pages.replays(where.reports, asked.use_case) / f"{asked.period}{'-gate' if asked.gate else ''}"


def write(replayed: Replayed, where: Settings) -> Path:
    """Write data, page and picture, and return the page."""
    place, svg = folder(replayed, where), picture(replayed)
    atomic.write(place / "replay.json", (json.dumps(as_json(replayed), indent=1) + "\n").encode())
    atomic.write(place / "quality.svg", svg.encode())
    atomic.write(place / "quality.png", _png(quality(replayed.results, _words(replayed))))
    atomic.write(place / "index.html", page(replayed, svg).encode())
    return place / "index.html"


def picture(replayed: Replayed) -> str:
    """Return the picture as SVG text."""
    return canvas.text(quality(replayed.results, _words(replayed)))


def as_json(replayed: Replayed) -> dict[str, Any]:
    """Return everything as JSON values: results, each decision with its numbers, and what the replay was made of."""
    asked, order, first = replayed.asked, replayed.order, (replayed.results.played[0].policy,)
    told: dict[str, Any] = _plain(
        {
            "schema": _SCHEMA,
            "use_case": asked.use_case,
            "nights": str(asked.period),
            "gate": asked.gate,
            "made": made(replayed),
            "honest": honest(replayed.results, _words(replayed)),
            "policies": {
                "heads": telling.heads(replayed.results, first),
                "rows": telling.policies(replayed.results, first),
            },
            "recipe": {**asdict(order.recipe), "digest": order.digest, "reads": dict(order.reads), "code": order.code},
            "cost": asdict(replayed.cost),
            "results": asdict(replayed.results),
            "ages": [asdict(each) for each in replayed.ages],
            "around": replayed.around and asdict(replayed.around),
            "looks": {walk.policy.name: [asdict(look) for look in walk.looks] for walk in replayed.walks},
        }
    )
    return told


def page(replayed: Replayed, svg: str) -> str:
    """Return the page for people, with the picture in it."""
    asked, results, words = replayed.asked, replayed.results, _words(replayed)
    first = results.played[0].policy
    return _PAGE.substitute(
        title=escape(f"{asked.use_case}, {asked.period}"),
        question=escape(replayed.scene.case.question),
        made=escape(made(replayed)),
        caption=escape(
            f"{words.loss} by block; what each policy has gained on {first} so far; below, models asked for (lines) and let in (dots)."
        ),
        picture=svg,
        policies=_table(telling.heads(results, (first,)), telling.policies(results, (first,))),
        honest=escape(honest(results, words)),
        fired=_table(("policy", "above the threshold", "asked for on"), telling.fired(results)) or "<p>None did.</p>",
        failed=_failed(results),
        ages=_table(telling.AGES, telling.ages(replayed.ages))
        or "<p>One model was trained: nothing is known of age.</p>",
        differences=_table(_DIFFERENCES, map(telling.difference, results.differences)),
        around=_around(replayed.around),
    )


_DIFFERENCES = ("the first", "the second", "the first loses more by", "saves more by, per 1000", "better")


def made(replayed: Replayed) -> str:
    """Return in a sentence by which recipe, with or without a gate, and what it took."""
    recipe, cost = replayed.order.recipe, replayed.cost
    learned = f"{recipe.candidate.name} on at most {recipe.most_rows:,} rows drawn from all the past"
    gate = "the gate decides what is let in" if recipe.held_out else "no gate: what is asked for is let in"
    corrected = "" if recipe.corrected else ", without calibration"
    return (
        f"One recipe: {learned}{corrected}; {gate}. {cost.made + cost.found} trainings, {cost.found} of them found from "
        f"before; {cost.seconds:.0f} s by the clock, {cost.cpu_seconds:.0f} s of processors."
    )


def honest(results: Results, words: Words) -> str:
    """Return how the numbers are to be read."""
    return (
        f"{results.rows:,} rows in {results.blocks} blocks of nights, {words.loss} in {words.loss_unit}. Intervals draw whole blocks with replacement; one that holds 0 shows "
        f"no difference, whatever its middle says. Each interval stands for itself: of {len(results.differences)} comparisons without "
        f"any true difference, about {max(1, round(0.05 * len(results.differences)))} would be shown by chance."
    )


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
    canvas.date(events)
    for label, line in zip(events.get_yticklabels(), loss.get_lines(), strict=True):
        label.set_color(line.get_color())


def _failed(results: Results) -> str:
    rows = telling.failed(results)
    return f"<h2>What the gate refused models for</h2>{_table(('policy', 'checks not passed'), rows)}" if rows else ""


def _around(results: Results | None) -> str:
    if results is None:
        return ""
    heads = telling.heads(results, ())
    return f"<h2>Thresholds around the triggers</h2>{_table(heads, telling.policies(results, ()))}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where it has no rows."""
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    return (
        f"<div class='scroll'><table class='words'><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>"
        if cells
        else ""
    )


def _png(figure: Figure) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=_DOTS, facecolor="white")
    return written.getvalue()


def _words(replayed: Replayed) -> Words:
    return targets.of(replayed.scene.case).words


def _plain(value: Any) -> Any:
    """Return `value` with dates as text, and numbers that JSON has no word for as null."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, date) else value
