"""The report on a backtest: data (`backtest.json`), a page (`index.html`), and plots (`.svg`, `.png`)."""

import json
import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

from include.dashboard import rendering
from include.report import backtest_plots
from include.report.backtest_plots import Picture
from include.settings import Settings
from include.steps.backtest import BacktestRun
from include.stores import backtest_reports, report_paths
from include.stores.files import atomic
from ml.retraining.backtest import tables
from ml.retraining.backtest.results import Results
from ml.targets import DisplayNames

_SCHEMA = 2
_TEMPLATES = Path(__file__).parent / "templates"
_DIFFERENCES = ("first", "second", "excess loss of the first", "extra savings of the first, per 1000 rows", "better")


def folder(backtest: BacktestRun, settings: Settings) -> Path:
    """Return the folder of a backtest's report: one for each period, and another one with the gate."""
    request = backtest.request
    return (
        report_paths.backtests(settings.reports, request.use_case)
        / f"{request.period}{'-gate' if request.gate else ''}"
    )


def write(backtest: BacktestRun, settings: Settings) -> Path:
    """Write the data, the page and the plots, and return the path of the page."""
    directory, drawn = folder(backtest, settings), backtest_plots.draw(backtest)
    for each in drawn:
        atomic.write(directory / f"{each.name}.svg", each.svg.encode())
        atomic.write(directory / f"{each.name}.png", each.png)
    atomic.write(directory / backtest_reports.FILE, (json.dumps(as_json(backtest, drawn), indent=1) + "\n").encode())
    atomic.write(directory / "index.html", page(backtest, drawn).encode())
    return directory / "index.html"


def as_json(backtest: BacktestRun, drawn: Sequence[Picture]) -> dict[str, Any]:
    """Return the content of `backtest.json`: results, every decision with its numbers, and the inputs of the backtest."""
    request, order, first = backtest.request, backtest.training_key, (backtest.results.policies[0].policy,)
    document: dict[str, Any] = _to_json(
        {
            "schema": _SCHEMA,
            "use_case": request.use_case,
            "nights": str(request.period),
            "gate": request.gate,
            "method": describe_method(backtest),
            "caveats": describe_caveats(backtest.results, backtest_plots.get_display_names(backtest)),
            "policies": {
                "headers": tables.headers(backtest.results, first),
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
            "sensitivity": backtest.sensitivity,
            "decisions": {walk.policy.name: walk.records for walk in backtest.walks},
        }
    )
    return document


def page(backtest: BacktestRun, drawn: Sequence[Picture]) -> str:
    """Return the HTML page with the plots."""
    results, first, variants = backtest.results, (backtest.results.policies[0].policy,), backtest.sensitivity
    return rendering.render(
        "backtest.html",
        folder=_TEMPLATES,
        title=f"{backtest.request.use_case}, {backtest.request.period}",
        question=backtest.context.case.question,
        method=describe_method(backtest),
        caveats=describe_caveats(results, backtest_plots.get_display_names(backtest)),
        pictures={each.name: each for each in drawn},
        policies=(tables.headers(results, first), tables.policy_rows(results, first)),
        fired=tables.fired_triggers(results),
        failed=tables.failed_checks(results),
        ages=(tables.AGE_HEADERS, tables.age_rows(backtest.ages)),
        differences=(_DIFFERENCES, [tables.difference_row(each) for each in results.differences]),
        variants=variants and (tables.headers(variants, ()), tables.policy_rows(variants, ())),
    )


def describe_method(backtest: BacktestRun) -> str:
    """Return sentences on the recipe, the gate, and the cost of the backtest."""
    recipe, cost = backtest.training_key.recipe, backtest.cost
    trained_on = f"{recipe.candidate.name} on at most {recipe.max_rows:,} rows sampled from all earlier nights"
    gate = _describe_gate(backtest) if recipe.gate else "without the gate, every requested model is released"
    calibration = "" if recipe.calibrated else ", without calibration"
    first = "" if recipe.first is None else f", after a first model of {recipe.first.name}"
    return (
        f"One recipe: {trained_on}{calibration}{first}; {gate}. {cost.trained + cost.reused} trainings, {cost.reused} of them "
        f"reused; {cost.seconds:.0f} s elapsed, {cost.cpu_seconds:.0f} s of CPU time."
    )


def _describe_gate(backtest: BacktestRun) -> str:
    adoption = backtest.context.case.adoption
    if adoption is None:
        return "the gate decides on releases, by proof only"
    return f"the gate decides on releases, with a licence per recipe and an allowance of {adoption.allowance}"


def describe_caveats(results: Results, display_names: DisplayNames) -> str:
    """Return how to read the numbers."""
    count = len(results.differences)
    return (
        f"{results.rows:,} rows in {results.block_count} blocks of nights, {display_names.loss} in "
        f"{display_names.loss_unit}. Intervals come from a bootstrap over whole blocks; an interval that contains 0 "
        f"shows no difference, whatever its point estimate. Intervals are not corrected for multiple comparisons: of "
        f"{count} comparisons without a true difference, about {max(1, round(0.05 * count))} would show one by chance."
    )


def _to_json(value: Any) -> Any:
    """Return `value` as JSON values: dates as text, NaN and infinity as null."""
    if is_dataclass(value):
        return {each.name: _to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(name): _to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, date) else value
