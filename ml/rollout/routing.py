"""Routing: the champion scores all entities except a share, which the challenger scores.

The route of an entity is deterministic: during a release, an entity always has the same route for a given share.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from ml.errors import RequestError


class Route(StrEnum):
    """The role in which a package scored a request; a shadow scores a copy, and its answer is not returned."""

    CHAMPION = "champion"
    CANARY = "canary"
    SHADOW = "shadow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """The packages that score, as of the ledger entry with the sequence number `seq`.

    The challenger scores the share `canary` of the entities, and copies of all other requests if `shadow`. `standby` is
    kept loaded for a rollback. `release` identifies the release; each release assigns entities to buckets anew.
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
            raise RequestError("a canary or a shadow needs a challenger: name its package")

    @property
    def packages(self) -> tuple[str, ...]:
        """All packages that must be loaded, the champion first."""
        return tuple(dict.fromkeys(each for each in (self.champion, self.challenger, self.standby) if each))

    @property
    def without_challenger(self) -> "Routing":
        """This routing without a challenger."""
        return replace(self, challenger=None, canary=0.0, shadow=False)

    def route(self, entity: str) -> Route:
        """Return the route of `entity`; an entity on the canary's route stays there when the share grows.

        >>> routing = Routing(use_case="taxi", seq=7, champion="c0", challenger="c1", canary=0.25, release="6")
        >>> [str(routing.route(entity)) for entity in ("UA1545", "DL461", "AA1141", "UA1141")]
        ['canary', 'champion', 'champion', 'champion']
        """
        return Route.CANARY if self.canary and bucket_of(entity, self.release) < self.canary else Route.CHAMPION

    def package(self, route: Route) -> str:
        """Return the package that scores on `route`."""
        return self.champion if route is Route.CHAMPION else str(self.challenger)

    def to_json(self) -> dict[str, object]:
        """Return this as JSON values, which `from_json` reads."""
        return asdict(self)


def from_json(values: Mapping[str, object]) -> Routing:
    """Return the routing that `Routing.to_json` wrote; raises RequestError for other keys or invalid values.

    >>> routing = Routing(use_case="taxi", seq=3, champion="c0")
    >>> from_json(routing.to_json()) == routing
    True
    """
    try:
        return Routing(**values)  # type: ignore[arg-type]  # a value of a wrong type fails where it is used
    except TypeError as error:
        raise RequestError(f"expected a routing, got {sorted(values)} ({error}): publish it again") from None


def bucket_of(entity: str, release: str) -> float:
    """Return the bucket of an entity in a release, in [0, 1): uniform over entities, independent between releases.

    The bucket is the BLAKE2b digest (8 bytes) of release and entity, divided by 2**64.

    >>> round(bucket_of("UA1545", release="6"), 4), round(bucket_of("UA1545", release="7"), 4)
    (0.113, 0.257)
    """
    digest = hashlib.blake2b(f"{release}\0{entity}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
