"""The live horizon: each entity has its own cutoff, some hours before its event."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_hours, check_types
from ml.usecase.features import Feature


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """The horizon of live scoring: the cutoff of each entity is `hours` before the instant in its column `before`.

    A live model uses the features of the night as of that instant, and `features` in addition.
    """

    before: str
    hours: float
    features: tuple[Feature, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        check(self.hours >= 0, f"a live cutoff is 0 hours or more before the event, got Live(hours={self.hours})")
        check_hours("Live(hours=...)", self.hours)
