"""The page of the benchmarks: each figure of `bench/results` beside its bar, missed bars marked."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from include.cli.docs import markdown

_AT_LEAST, _AT_MOST = "at_least", "at_most"


def page(folder: Path) -> str:
    """Return the page of the results in `folder`, whose bars are in its `bars.toml`."""
    groups = tomllib.loads((folder / "bars.toml").read_text())["group"]
    results = {file.stem: json.loads(file.read_text()) for file in sorted((folder / "results").glob("*.json"))}
    lines = [(each, line) for each in groups for line in _lines(each, results)]
    missed = [(each, line) for each, line in lines if line[3] == _MISSED]
    return markdown.page(
        "Benchmarks",
        markdown.paragraph(
            "Every measured figure beside the bar that it should meet. Generated from `bench/results/*.json` and"
            " `bench/bars.toml` by `make docs`; `make bench` measures everything again, `python -m bench NAME` one result."
            " Figures were measured on two cores that also ran other programs: ratios within one run are meaningful,"
            " absolute times are upper bounds."
        ),
        markdown.paragraph(_summary([line for _, line in lines])),
        "Missed bars:" if missed else "",
        markdown.items(f"{each['title']}, {line[0]}: {line[1]}, bar {line[2]}" for each, line in missed),
        *(_section(each, results) for each in groups),
    )


_MET, _MISSED, _UNMEASURED, _NO_BAR = "met", "**missed**", "not measured", ""


def _section(group: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    table = markdown.table(["figure", "measured", "bar", ""], _lines(group, results))
    source = f"Result: `bench/results/{group['result']}.json`."
    if group["result"] not in results:
        source = f"There is no result yet: `python -m bench {group['result']}` measures it."
    return "\n\n".join([f"## {group['title']}", markdown.paragraph(group["about"]), table, source])


def _lines(group: Mapping[str, Any], results: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    measured = results.get(group["result"])
    return [_line(figure, _value(measured, figure["path"])) for figure in group["figures"]]


def _line(figure: Mapping[str, Any], value: float | None) -> tuple[str, str, str, str]:
    text = "" if value is None else _number(value)
    return figure["name"], text, _bar(figure), _state(figure, value)


def _state(figure: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return _UNMEASURED
    if _AT_LEAST in figure:
        return _MET if value >= figure[_AT_LEAST] else _MISSED
    if _AT_MOST in figure:
        return _MET if value <= figure[_AT_MOST] else _MISSED
    return _NO_BAR


def _bar(figure: Mapping[str, Any]) -> str:
    if _AT_LEAST in figure:
        return f"at least {_number(figure[_AT_LEAST])}"
    return f"at most {_number(figure[_AT_MOST])}" if _AT_MOST in figure else ""


def _value(measured: Any, path: Sequence[str | int]) -> float | None:
    """Return the figure at a path; 0 if an outcome never occurred, None if it was not measured."""
    for index, key in enumerate(path):
        if isinstance(measured, Mapping) and key not in measured and index > 0 and path[index - 1] == "outcomes":
            return 0.0
        if measured is None or (isinstance(measured, Mapping) and key not in measured):
            return None
        measured = measured[key]
    return float(measured)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def _summary(lines: Sequence[tuple[str, str, str, str]]) -> str:
    states = [state for *_, state in lines]
    counts = {state: states.count(state) for state in (_MET, _MISSED, _UNMEASURED)}
    return f"{counts[_MET]} bars are met, {counts[_MISSED]} are missed, {counts[_UNMEASURED]} are not measured."
