"""What a replay came to: as data (`replay.json`), as a page (`index.html`), and its pictures (`.svg`, `.png`)."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from include.plotting.style import STYLE
from include.report import backtest_plots
from include.report.backtest_plots import Picture
from include.settings import Settings
from include.steps.backtest import BacktestRun, Cost
from include.steps.backtest.training_key import BacktestRecipe
from include.stores import report_paths
from include.stores.files import atomic
from ml.retraining.backtest import tables
from ml.retraining.backtest.context import DecisionRecord
from ml.retraining.backtest.results import BlockResult, PolicyDifference, PolicyResult, Results
from ml.retraining.triggers import RetrainingDecision
from ml.targets import DisplayNames

_SCHEMA = 1
# What fields are called in `replay.json`, where that is not their own name.
_KEYS: Mapping[type, Mapping[str, str]] = {
    BacktestRecipe: {"max_rows": "most_rows", "calibrated": "corrected"},
    BlockResult: {"first_night": "since"},
    Cost: {"trained": "made", "reused": "found"},
    DecisionRecord: {"failed_checks": "failed"},
    PolicyDifference: {"first": "one", "second": "other"},
    PolicyResult: {
        "blocks": "stretches",
        "requested_nights": "asked",
        "released_nights": "released",
        "fired_counts": "fired",
        "failed_check_counts": "failed",
    },
    Results: {"block_count": "blocks", "policies": "played"},
    RetrainingDecision: {"throttled_until": "held_until"},
}
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


def folder(backtest: BacktestRun, settings: Settings) -> Path:
    """Return where the pages of a replay rest: one folder for the nights, with or without a gate."""
    request = backtest.request
    return (
        report_paths.backtests(settings.reports, request.use_case)
        / f"{request.period}{'-gate' if request.gate else ''}"
    )


def write(backtest: BacktestRun, settings: Settings) -> Path:
    """Write data, page and picture, and return the page."""
    directory, drawn = folder(backtest, settings), backtest_plots.draw(backtest)
    for each in drawn:
        atomic.write(directory / f"{each.name}.svg", each.svg.encode())
        atomic.write(directory / f"{each.name}.png", each.png)
    atomic.write(directory / "replay.json", (json.dumps(as_json(backtest, drawn), indent=1) + "\n").encode())
    atomic.write(directory / "index.html", page(backtest, drawn).encode())
    return directory / "index.html"


def as_json(backtest: BacktestRun, drawn: Sequence[Picture]) -> dict[str, Any]:
    """Return everything as JSON values: results, each decision with its numbers, and what the replay was made of."""
    request, order, first = backtest.request, backtest.training_key, (backtest.results.policies[0].policy,)
    document: dict[str, Any] = _to_json(
        {
            "schema": _SCHEMA,
            "use_case": request.use_case,
            "nights": str(request.period),
            "gate": request.gate,
            "made": describe_method(backtest),
            "honest": describe_caveats(backtest.results, backtest_plots.get_display_names(backtest)),
            "policies": {
                "heads": tables.headers(backtest.results, first),
                "rows": tables.policy_rows(backtest.results, first),
            },
            "pictures": {each.name: each.caption for each in drawn},
            "recipe": {
                **_to_json(order.recipe),
                "digest": order.digest,
                "reads": dict(order.reads),
                "code": order.code,
            },
            "cost": backtest.cost,
            "results": backtest.results,
            "ages": backtest.ages,
            "around": backtest.sensitivity,
            "looks": {walk.policy.name: walk.records for walk in backtest.walks},
        }
    )
    return document


def page(backtest: BacktestRun, drawn: Sequence[Picture]) -> str:
    """Return the page for people, with the pictures in it."""
    request, results, display_names = backtest.request, backtest.results, backtest_plots.get_display_names(backtest)
    first, figures = results.policies[0].policy, {each.name: _figure(each) for each in drawn}
    return _PAGE.substitute(
        title=escape(f"{request.use_case}, {request.period}"),
        question=escape(backtest.context.case.question),
        made=escape(describe_method(backtest)),
        quality=figures[backtest_plots.QUALITY],
        policies=_table(tables.headers(results, (first,)), tables.policy_rows(results, (first,))),
        honest=escape(describe_caveats(results, display_names)),
        fired=_table(("policy", "above the threshold", "asked for on"), tables.fired_triggers(results))
        or "<p>None did.</p>",
        failed=_failed(results),
        ageing=figures.get(backtest_plots.AGES, ""),
        ages=_table(tables.AGE_HEADERS, tables.age_rows(backtest.ages))
        or "<p>One model was trained: nothing is known of age.</p>",
        differences=_table(_DIFFERENCES, map(tables.difference_row, results.differences)),
        around=_threshold_variants(backtest.sensitivity),
    )


_DIFFERENCES = ("the first", "the second", "the first loses more by", "saves more by, per 1000", "better")


def describe_method(backtest: BacktestRun) -> str:
    """Return in a sentence by which recipe, with or without a gate, and what it took."""
    recipe, cost = backtest.training_key.recipe, backtest.cost
    learned = f"{recipe.candidate.name} on at most {recipe.max_rows:,} rows drawn from all the past"
    gate = "the gate decides what is let in" if recipe.held_out else "no gate: what is asked for is let in"
    corrected = "" if recipe.calibrated else ", without calibration"
    return (
        f"One recipe: {learned}{corrected}; {gate}. {cost.trained + cost.reused} trainings, {cost.reused} of them found from "
        f"before; {cost.seconds:.0f} s by the clock, {cost.cpu_seconds:.0f} s of processors."
    )


def describe_caveats(results: Results, display_names: DisplayNames) -> str:
    """Return how the numbers are to be read."""
    return (
        f"{results.rows:,} rows in {results.block_count} blocks of nights, {display_names.loss} in {display_names.loss_unit}. Intervals draw whole blocks with replacement; one that holds 0 shows "
        f"no difference, whatever its middle says. Each interval stands for itself: of {len(results.differences)} comparisons without "
        f"any true difference, about {max(1, round(0.05 * len(results.differences)))} would be shown by chance."
    )


def _figure(picture: Picture) -> str:
    caption = escape(picture.caption)
    return f'<figure role="img" aria-label="{caption}">{picture.svg}<figcaption>{caption}</figcaption></figure>'


def _failed(results: Results) -> str:
    rows = tables.failed_checks(results)
    return f"<h2>What the gate refused models for</h2>{_table(('policy', 'checks not passed'), rows)}" if rows else ""


def _threshold_variants(results: Results | None) -> str:
    if results is None:
        return ""
    heads = tables.headers(results, ())
    return f"<h2>Thresholds around the triggers</h2>{_table(heads, tables.policy_rows(results, ()))}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where it has no rows."""
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    return (
        f"<div class='scroll'><table class='words'><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>"
        if cells
        else ""
    )


def _to_json(value: Any) -> Any:
    """Return `value` with dates as text, fields by their keys, and numbers that JSON has no word for as null."""
    if is_dataclass(value):
        keys = _KEYS.get(type(value), {})
        return {keys.get(each.name, each.name): _to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(name): _to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, date) else value
