"""Who answers: the champion, or for a share of the entities the challenger, the same one whenever an entity comes."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from ml.errors import RequestError


class Route(StrEnum):
    """As what a package gave an answer: shadows answer a copy, and nobody hears them."""

    CHAMPION = "champion"
    CANARY = "canary"
    SHADOW = "shadow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Which packages answer, as of the entry `seq` of the ledger.

    The challenger answers for the share `canary` of the entities, and a copy of everything else when it is a `shadow`.
    `standby` is kept loaded for a rollback. `release` names the release: it deals the entities anew.
    """

    use_case: str
    seq: int
    champion: str
    challenger: str | None = None
    standby: str | None = None
    canary: float = 0.0
    shadow: bool = False
    release: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.canary <= 1:
            raise RequestError(f"a canary answers for a share of the entities between 0 and 1, got {self.canary}")
        if (self.canary or self.shadow) and self.challenger is None:
            raise RequestError("a canary or a shadow is a challenger's: name its package")

    @property
    def packages(self) -> tuple[str, ...]:
        """Every package that must be at hand, the champion first."""
        return tuple(dict.fromkeys(each for each in (self.champion, self.challenger, self.standby) if each))

    @property
    def without_challenger(self) -> "Routing":
        """The same without a challenger."""
        return replace(self, challenger=None, canary=0.0, shadow=False)

    def route(self, entity: str) -> Route:
        """Return who answers for `entity`: those that a share has, every larger share has too."""
        return Route.CANARY if self.canary and bucket_of(entity, self.release) < self.canary else Route.CHAMPION

    def package(self, route: Route) -> str:
        """Return the package that answers on `route`."""
        return self.champion if route is Route.CHAMPION else str(self.challenger)

    def to_json(self) -> dict[str, object]:
        """Return this as JSON values, which `read` takes back."""
        return asdict(self)


def from_json(values: Mapping[str, object]) -> Routing:
    """Return what `Routing.told` gave; raises RequestError when it is something else."""
    try:
        return Routing(**values)  # type: ignore[arg-type]  # a wrong type is refused by what uses it
    except TypeError as error:
        raise RequestError(f"expected a routing, got {sorted(values)} ({error}): publish it again") from None


def bucket_of(entity: str, release: str) -> float:
    """Return where in [0, 1) a release puts an entity: even over entities, and unrelated from release to release."""
    digest = hashlib.blake2b(f"{release}\0{entity}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
