"""The live horizon: each entity has its own cutoff, some hours before its event."""

from dataclasses import dataclass
from typing import Literal

from ml.usecase.declaration import NAME, check, check_hours, check_types, check_unique
from ml.usecase.features import Feature
from ml.usecase.gates import Gates, Megabytes, Milliseconds
from ml.usecase.models import Candidate
from ml.usecase.operations import Release
from ml.usecase.triggers import Triggers

LearnFrom = Literal["built", "served"]
_RESERVED = ("night", "entities", "snapshots")  # names of what belongs to the night's horizon


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """The horizon of live scoring: the cutoff of each entity is `hours` before the instant in its column `before`.

    A use case may have several, each with a `name`. The model of a live horizon uses the features of the night as of
    that instant, and `features` in addition. A server answers from a snapshot for `max_age_minutes`; later the night's
    model answers instead. Fields that are None have the value that the use case declares.
    """

    name: str = "live"
    before: str
    hours: float
    max_age_minutes: int = 60
    features: tuple[Feature, ...] = ()
    candidates: tuple[Candidate, ...] | None = None
    latency_budget: Milliseconds | None = None
    size_budget: Megabytes | None = None
    gates: Gates | None = None
    triggers: Triggers | None = None
    release: Release | None = None
    learn_from: LearnFrom | None = None

    def __post_init__(self) -> None:
        check_types(self)
        check(
            bool(NAME.fullmatch(self.name)) and self.name not in _RESERVED,
            f"a live horizon's name is lower_case, and not night, entities or snapshots, got {self.name!r}",
        )
        check(self.hours >= 0, f"a live cutoff is 0 hours or more before the event, got Live(hours={self.hours})")
        check_hours("Live(hours=...)", self.hours)
        check(self.max_age_minutes >= 1, f"max_age_minutes is 1 or more, got {self.max_age_minutes}")
        if self.candidates is not None:
            check(bool(self.candidates), f"the horizon {self.name!r} declares no candidates: declare one, or None")
            check_unique("candidates", (candidate.name for candidate in self.candidates))
