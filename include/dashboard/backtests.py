"""What replays of a use case came to: policies of retraining side by side, as `ratchet backtest` left them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stores import report_paths
from ml.errors import RequestError


@dataclass(frozen=True, kw_only=True, slots=True)
class Backtest:
    """One replay, `name` its folder: which nights, by which recipe, a row of words for each policy, its pictures by name."""

    name: str
    nights: str
    gate: bool
    method: str
    caveat: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    pictures: Mapping[str, str]


def gather(reports: Path, use_case: str) -> tuple[Backtest, ...]:
    """Return the replays of `use_case`, the last made first; one that is not whole is left out."""
    paths = sorted(
        report_paths.backtests(reports, use_case).glob("*/replay.json"), key=lambda each: -each.stat().st_mtime
    )
    return tuple(each for each in map(_read, paths) if each is not None)


def picture(reports: Path, use_case: str, backtest: str, name: str) -> bytes:
    """Return a picture of a replay as SVG; raises RequestError where there is none of that name."""
    known = {path.parent.name: path for path in report_paths.backtests(reports, use_case).glob("*/replay.json")}
    loaded = _read(known[backtest]) if backtest in known else None
    if loaded is None or name not in loaded.pictures:
        raise RequestError(f"expected a picture of one of the replays of {use_case}, got {backtest}/{name}")
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
