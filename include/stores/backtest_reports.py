"""The reports that `ratchet backtest` wrote, read from the reports folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stores import report_paths
from include.stores.files import atomic
from ml.errors import RequestError

FILE = "backtest.json"
_FORMER_FOLDER, _FORMER_FILE = "replay", "replay.json"
_FORMER_KEYS = {"made": "method", "honest": "caveats", "heads": "headers"}


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
    paths = sorted(report_paths.backtests(reports, use_case).glob(f"*/{FILE}"), key=lambda each: -each.stat().st_mtime)
    return tuple(each for each in map(_read, paths) if each is not None)


def picture(reports: Path, use_case: str, backtest: str, name: str) -> bytes:
    """Return a plot of a backtest as SVG; raises RequestError if the backtest or the plot does not exist."""
    known = {path.parent.name: path for path in report_paths.backtests(reports, use_case).glob(f"*/{FILE}")}
    loaded = _read(known[backtest]) if backtest in known else None
    if loaded is None or name not in loaded.pictures:
        raise RequestError(f"expected a plot of one of the backtests of {use_case}, got {backtest}/{name}")
    return (known[backtest].parent / f"{name}.svg").read_bytes()


def upgrade(reports: Path) -> int:
    """Move the reports that an earlier release wrote to where `gather` finds them, and return their number.

    They were `replay/<use case>/<nights>/replay.json` with other keys. Only the keys that `gather` reads are renamed. A
    report whose place is taken by a later one, or that cannot be read, stays where it is.
    """
    moved = 0
    for former in sorted((reports / _FORMER_FOLDER).glob(f"*/*/{_FORMER_FILE}")):
        target = report_paths.backtests(reports, former.parent.parent.name) / former.parent.name
        content = _with_current_keys(former)
        if content is None or target.exists():
            continue
        atomic.write(former.with_name(FILE), content)
        target.parent.mkdir(parents=True, exist_ok=True)
        former.parent.rename(target)
        (target / _FORMER_FILE).unlink()
        moved += 1
    return moved


def _with_current_keys(former: Path) -> bytes | None:
    try:
        document = {_FORMER_KEYS.get(key, key): value for key, value in json.loads(former.read_text()).items()}
        document["policies"] = {_FORMER_KEYS.get(key, key): value for key, value in document["policies"].items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return (json.dumps(document, indent=1) + "\n").encode()


def _read(path: Path) -> Backtest | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        table = document["policies"]
        return Backtest(
            name=path.parent.name,
            nights=str(document["nights"]),
            gate=bool(document["gate"]),
            method=str(document["method"]),
            caveat=str(document["caveats"]),
            headers=tuple(table["headers"]),
            rows=tuple(map(tuple, table["rows"])),
            pictures=dict(document.get("pictures", {})),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
