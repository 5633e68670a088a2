"""Read the reports that `ratchet backtest` wrote, for the page of a use case."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stores import report_paths
from ml.errors import RequestError


@dataclass(frozen=True, kw_only=True, slots=True)
class Backtest:
    """The report on one backtest.

    `name` is its folder, `method` and `caveat` are sentences, `rows` has one row of text for each retraining policy,
    and `pictures` maps names of plots to captions.
    """

    name: str
    nights: str
    gate: bool
    method: str
    caveat: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    pictures: Mapping[str, str]


def gather(reports: Path, use_case: str) -> tuple[Backtest, ...]:
    """Return the backtests of `use_case`, newest first, without those whose report is incomplete."""
    paths = sorted(
        report_paths.backtests(reports, use_case).glob("*/replay.json"), key=lambda each: -each.stat().st_mtime
    )
    return tuple(each for each in map(_read, paths) if each is not None)


def picture(reports: Path, use_case: str, backtest: str, name: str) -> bytes:
    """Return a plot of a backtest as SVG; raises RequestError if the backtest or the plot does not exist."""
    known = {path.parent.name: path for path in report_paths.backtests(reports, use_case).glob("*/replay.json")}
    loaded = _read(known[backtest]) if backtest in known else None
    if loaded is None or name not in loaded.pictures:
        raise RequestError(f"expected a plot of one of the backtests of {use_case}, got {backtest}/{name}")
    return (known[backtest].parent / f"{name}.svg").read_bytes()


def _read(path: Path) -> Backtest | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        table = document["policies"]
        return Backtest(
            name=path.parent.name,
            nights=str(document["nights"]),
            gate=bool(document["gate"]),
            method=str(document["made"]),
            caveat=str(document["honest"]),
            headers=tuple(table["heads"]),
            rows=tuple(map(tuple, table["rows"])),
            pictures=dict(document.get("pictures", {})),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
