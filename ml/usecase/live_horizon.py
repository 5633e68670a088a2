"""The second horizon: each entity is decided on its own, some hours before its event."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_tuples
from ml.usecase.features import Feature


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """The horizon of a live answer: each entity is decided `hours` before the instant in its own column `before`.

    A live model sees the features of the night as of that instant, and `features` besides.
    """

    before: str
    hours: float
    features: tuple[Feature, ...] = ()

    def __post_init__(self) -> None:
        check_tuples(self)
        check(self.hours >= 0, f"a live answer comes 0 hours or more before the event, got Live(hours={self.hours})")
