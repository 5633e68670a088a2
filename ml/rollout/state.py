"""A release as the ledger tells it: who is champion, whom to go back to, and how far a challenger has come.

A challenger answers a copy (shadow), then for a growing share of the entities (canary), and is then promoted; at any
moment it may be withdrawn. Nothing is remembered elsewhere: whoever folds the same entries stands at the same place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from ml.governance.hash_chain import Entry
from ml.rollout.routing import Routing


class Kind(StrEnum):
    """The entries of the ledger that move a release, in the order in which a good one has them; its other ends; what stops all."""

    SHADOWED = "shadowed"
    SEEN = "seen"
    SHIFTED = "shifted"
    PASSED = "passed"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ROLLED_BACK = "rolled_back"
    FROZEN = "frozen"
    THAWED = "thawed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A challenger under way: `share` of the entities is its own, 0 while it is a shadow.

    `night` is the one that it was trained as of, `release` the ledger's entry that began it, and `stages` say when it
    was given which share, the first 0.
    """

    digest: str
    night: date
    release: int
    stages: tuple["Began", ...]

    @property
    def share(self) -> float:
        return self.stages[-1].share


@dataclass(frozen=True, kw_only=True, slots=True)
class Began:
    """When a share was given: by the clock for live requests, and for the batch with the night after `night`."""

    share: float
    night: date
    at: datetime


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


def frozen(entries: Iterable[Entry], moment: datetime) -> Entry | None:
    """Return the entry by which releases are frozen at `moment`, the one that lasts longest; None when they are not."""
    told = list(entries)
    thawed = {each.subject for each in told if each.kind == Kind.THAWED}
    holding = [
        each
        for each in told
        if each.kind == Kind.FROZEN
        and each.key not in thawed
        and datetime.fromisoformat(str(each.payload["from"])) <= moment
        and moment < datetime.fromisoformat(str(each.payload["until"]))
    ]
    return max(holding, key=lambda each: str(each.payload["until"]), default=None)


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
            return replace(standing, trial=replace(begun, stages=(*begun.stages, _stage(entry))))
        case Kind.WITHDRAWN | Kind.REJECTED if _is_of(standing, entry):
            return replace(standing, trial=None)
        case _:
            return standing


def _begun(entry: Entry) -> Trial:
    return Trial(
        digest=entry.subject,
        night=date.fromisoformat(str(entry.payload["trained"])),
        release=entry.seq,
        stages=(replace(_stage(entry), share=0.0),),
    )


def _stage(entry: Entry) -> Began:
    assert entry.night is not None
    return Began(share=float(str(entry.payload.get("share", 0.0))), night=entry.night, at=entry.recorded_at)


def _is_of(standing: Standing, entry: Entry) -> bool:
    return standing.trial is not None and standing.trial.digest == entry.subject
