"""What a replay came to: as data (`replay.json`), as a page (`index.html`), and its pictures (`.svg`, `.png`)."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from include.plotting.style import STYLE
from include.report import backtest_plots
from include.report.backtest_plots import Picture
from include.settings import Settings
from include.steps.backtest import Replayed
from include.stores import report_paths
from include.stores.files import atomic
from ml.retraining.backtest import tables
from ml.retraining.backtest.results import Results
from ml.targets import Words

_SCHEMA = 1
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Ratchet: replay of $title</title>
<style>
"""
    + STYLE
    + """</style></head><body>
<h1>Replay of $title</h1><p>$question</p><p>$made</p>
$quality
<h2>Policies</h2>$policies<p>$honest</p>
<h2>Which triggers fired</h2>$fired
$failed
<h2>How a model ages</h2>$ageing$ages
<h2>Each two beside each other</h2>$differences
$around
</body></html>
"""
)


def folder(replayed: Replayed, settings: Settings) -> Path:
    """Return where the pages of a replay rest: one folder for the nights, with or without a gate."""
    asked = replayed.asked
    return report_paths.replays(settings.reports, asked.use_case) / f"{asked.period}{'-gate' if asked.gate else ''}"


def write(replayed: Replayed, settings: Settings) -> Path:
    """Write data, page and picture, and return the page."""
    place, drawn = folder(replayed, settings), backtest_plots.draw(replayed)
    for each in drawn:
        atomic.write(place / f"{each.name}.svg", each.svg.encode())
        atomic.write(place / f"{each.name}.png", each.png)
    atomic.write(place / "replay.json", (json.dumps(as_json(replayed, drawn), indent=1) + "\n").encode())
    atomic.write(place / "index.html", page(replayed, drawn).encode())
    return place / "index.html"


def as_json(replayed: Replayed, drawn: Sequence[Picture]) -> dict[str, Any]:
    """Return everything as JSON values: results, each decision with its numbers, and what the replay was made of."""
    asked, order, first = replayed.asked, replayed.order, (replayed.results.played[0].policy,)
    told: dict[str, Any] = _plain(
        {
            "schema": _SCHEMA,
            "use_case": asked.use_case,
            "nights": str(asked.period),
            "gate": asked.gate,
            "made": made(replayed),
            "honest": honest(replayed.results, backtest_plots.words(replayed)),
            "policies": {
                "heads": tables.heads(replayed.results, first),
                "rows": tables.policies(replayed.results, first),
            },
            "pictures": {each.name: each.told for each in drawn},
            "recipe": {**asdict(order.recipe), "digest": order.digest, "reads": dict(order.reads), "code": order.code},
            "cost": asdict(replayed.cost),
            "results": asdict(replayed.results),
            "ages": [asdict(each) for each in replayed.ages],
            "around": replayed.around and asdict(replayed.around),
            "looks": {walk.policy.name: [asdict(look) for look in walk.looks] for walk in replayed.walks},
        }
    )
    return told


def page(replayed: Replayed, drawn: Sequence[Picture]) -> str:
    """Return the page for people, with the pictures in it."""
    asked, results, words = replayed.asked, replayed.results, backtest_plots.words(replayed)
    first, shown = results.played[0].policy, {each.name: _figure(each) for each in drawn}
    return _PAGE.substitute(
        title=escape(f"{asked.use_case}, {asked.period}"),
        question=escape(replayed.scene.case.question),
        made=escape(made(replayed)),
        quality=shown[backtest_plots.QUALITY],
        policies=_table(tables.heads(results, (first,)), tables.policies(results, (first,))),
        honest=escape(honest(results, words)),
        fired=_table(("policy", "above the threshold", "asked for on"), tables.fired(results)) or "<p>None did.</p>",
        failed=_failed(results),
        ageing=shown.get(backtest_plots.AGES, ""),
        ages=_table(tables.AGES, tables.ages(replayed.ages))
        or "<p>One model was trained: nothing is known of age.</p>",
        differences=_table(_DIFFERENCES, map(tables.difference, results.differences)),
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


def _figure(picture: Picture) -> str:
    told = escape(picture.told)
    return f'<figure role="img" aria-label="{told}">{picture.svg}<figcaption>{told}</figcaption></figure>'


def _failed(results: Results) -> str:
    rows = tables.failed(results)
    return f"<h2>What the gate refused models for</h2>{_table(('policy', 'checks not passed'), rows)}" if rows else ""


def _around(results: Results | None) -> str:
    if results is None:
        return ""
    heads = tables.heads(results, ())
    return f"<h2>Thresholds around the triggers</h2>{_table(heads, tables.policies(results, ()))}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where it has no rows."""
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    return (
        f"<div class='scroll'><table class='words'><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>"
        if cells
        else ""
    )


def _plain(value: Any) -> Any:
    """Return `value` with dates as text, and numbers that JSON has no word for as null."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, date) else value
