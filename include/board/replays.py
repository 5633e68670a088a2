"""What replays of a use case came to: policies of retraining side by side, as `ratchet replay` left them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.stores import pages


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """One replay: which nights, by which recipe, and a row of words for each policy."""

    nights: str
    gate: bool
    made: str
    honest: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def gather(reports: Path, use_case: str) -> tuple[Replay, ...]:
    """Return the replays of `use_case`, the last made first; one that is not whole is left out."""
    found = sorted(pages.replays(reports, use_case).glob("*/replay.json"), key=lambda each: -each.stat().st_mtime)
    return tuple(each for each in map(_read, found) if each is not None)


def _read(path: Path) -> Replay | None:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        table = told["policies"]
        return Replay(
            nights=str(told["nights"]),
            gate=bool(told["gate"]),
            made=str(told["made"]),
            honest=str(told["honest"]),
            heads=tuple(table["heads"]),
            rows=tuple(map(tuple, table["rows"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
