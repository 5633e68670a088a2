"""A release as the ledger tells it: who is champion, whom to go back to, and how far a challenger has come.

A challenger answers a copy (shadow), then for a growing share of the entities (canary), and is then promoted; at any
moment it may be withdrawn. Nothing is remembered elsewhere: whoever folds the same entries stands at the same place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from ml.chain import Entry
from ml.routing import Routing


class Kind(StrEnum):
    """The entries of the ledger that move a release, in the order in which a good one has them; then its other ends."""

    SHADOWED = "shadowed"
    SEEN = "seen"
    SHIFTED = "shifted"
    PASSED = "passed"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A challenger under way: `share` of the entities is its own, 0 while it is a shadow.

    `release` is the ledger's entry that began it, `began` and `began_at` when its present stage did (a night, a moment).
    """

    digest: str
    night: date
    release: int
    share: float
    began: date
    began_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a use case stands as of the entry `seq` of the ledger."""

    use_case: str
    seq: int = 0
    reigns: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()
    trial: Trial | None = None

    @property
    def champion(self) -> str | None:
        return self.reigns[-1] if self.reigns else None

    @property
    def standby(self) -> str | None:
        """The last champion before this one that nobody was rolled back from; None when there is none."""
        return next((each for each in reversed(self.reigns) if each != self.champion and each not in self.left), None)

    @property
    def routing(self) -> Routing | None:
        """How entities are dealt; None before the first champion."""
        if self.champion is None:
            return None
        routing = Routing(use_case=self.use_case, seq=self.seq, champion=self.champion, standby=self.standby)
        if self.trial is None:
            return routing
        return replace(
            routing,
            challenger=self.trial.digest,
            canary=self.trial.share,
            shadow=True,
            release=str(self.trial.release),
        )


def stand(use_case: str, entries: Iterable[Entry]) -> Standing:
    """Return where `entries`, in the order in which they count, have brought the use case."""
    standing = Standing(use_case=use_case)
    for entry in entries:
        standing = replace(_after(standing, entry), seq=max(standing.seq, entry.seq))
    return standing


def next_share(shares: Sequence[float], share: float) -> float | None:
    """Return the share of the entities that comes after `share`; None after the last."""
    return next((each for each in shares if each > share), None)


def _after(standing: Standing, entry: Entry) -> Standing:
    match entry.kind:
        case Kind.PROMOTED:
            return replace(
                standing, reigns=(*standing.reigns, entry.subject), left=standing.left - {entry.subject}, trial=None
            )
        case Kind.ROLLED_BACK:
            left = standing.left | {str(entry.payload["from"])}
            return replace(standing, reigns=(*standing.reigns, entry.subject), left=left, trial=None)
        case Kind.SHADOWED:
            return replace(standing, trial=_begun(entry))
        case Kind.SHIFTED:
            begun = standing.trial if _is_of(standing, entry) else _begun(entry)
            assert begun is not None
            share = float(str(entry.payload["share"]))
            return replace(
                standing, trial=replace(begun, share=share, began=_night(entry), began_at=entry.recorded_at)
            )
        case Kind.WITHDRAWN | Kind.REJECTED if _is_of(standing, entry):
            return replace(standing, trial=None)
        case _:
            return standing


def _begun(entry: Entry) -> Trial:
    night = _night(entry)
    trained = date.fromisoformat(str(entry.payload["trained"]))
    return Trial(
        digest=entry.subject, night=trained, release=entry.seq, share=0.0, began=night, began_at=entry.recorded_at
    )


def _is_of(standing: Standing, entry: Entry) -> bool:
    return standing.trial is not None and standing.trial.digest == entry.subject


def _night(entry: Entry) -> date:
    assert entry.night is not None
    return entry.night
