"""What replays of a use case came to: policies of retraining side by side, as `ratchet replay` left them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stores import report_paths
from ml.errors import RequestError


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """One replay, `name` its folder: which nights, by which recipe, a row of words for each policy, its pictures by name."""

    name: str
    nights: str
    gate: bool
    made: str
    honest: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    pictures: Mapping[str, str]


def gather(reports: Path, use_case: str) -> tuple[Replay, ...]:
    """Return the replays of `use_case`, the last made first; one that is not whole is left out."""
    found = sorted(
        report_paths.replays(reports, use_case).glob("*/replay.json"), key=lambda each: -each.stat().st_mtime
    )
    return tuple(each for each in map(_read, found) if each is not None)


def picture(reports: Path, use_case: str, replay: str, name: str) -> bytes:
    """Return a picture of a replay as SVG; raises RequestError where there is none of that name."""
    known = {path.parent.name: path for path in report_paths.replays(reports, use_case).glob("*/replay.json")}
    found = _read(known[replay]) if replay in known else None
    if found is None or name not in found.pictures:
        raise RequestError(f"expected a picture of one of the replays of {use_case}, got {replay}/{name}")
    return (known[replay].parent / f"{name}.svg").read_bytes()


def _read(path: Path) -> Replay | None:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        table = told["policies"]
        return Replay(
            name=path.parent.name,
            nights=str(told["nights"]),
            gate=bool(told["gate"]),
            made=str(told["made"]),
            honest=str(told["honest"]),
            heads=tuple(table["heads"]),
            rows=tuple(map(tuple, table["rows"])),
            pictures=dict(told.get("pictures", {})),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
