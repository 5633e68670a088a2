"""A longer run that was played before and kept in bench/results: its adoptions, and what retraining was worth in it.

A demo run of a fortnight may end before honest rules can adopt a refresh. Its page then shows what such a run leads to.
`python -m bench.played_nights` writes the file from the home of a run.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from include.settings import PROJECT

_RESULTS = PROJECT / "bench/results"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedChallenger:
    """A challenger that was judged as of `night`: what became of it, and the reason of its verdict."""

    night: str
    fate: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedNights:
    """A run over `nights` that ended on the day `played_on`; `gain` is the sentence on what retraining was worth.

    `interventions` says what the guard or a person put back.
    """

    use_case: str
    nights: str
    played_on: str
    adopted: int
    gain: str
    challengers: tuple[PlayedChallenger, ...]
    interventions: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The sentence that says what the run was, and that it is not the present one."""
        return (
            f"A run over {self.nights}, played on {self.played_on} and kept in {path(self.use_case).name}: "
            f"{len(self.challengers)} challengers were judged, {self.adopted} became champion. {self.gain}"
        )

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Night, fate and reason of each challenger."""
        return [(each.night, each.fate, each.reason) for each in self.challengers]


def find(use_case: str) -> PlayedNights | None:
    """Return the run that is kept for a use case; None if there is none, or if the file cannot be read."""
    try:
        document: dict[str, Any] = json.loads(path(use_case).read_text())
        challengers = tuple(PlayedChallenger(**each) for each in document.pop("challengers"))
        interventions = tuple(document.pop("interventions"))
        return PlayedNights(**document, challengers=challengers, interventions=interventions)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(played: PlayedNights) -> Path:
    """Keep a run for its use case, and return the file."""
    target = path(played.use_case)
    target.write_text(json.dumps(asdict(played), indent=1) + "\n")
    return target


def path(use_case: str) -> Path:
    """Return the file in which the run of a use case is kept."""
    return _RESULTS / f"played_{use_case}.json"
