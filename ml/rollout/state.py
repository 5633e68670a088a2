"""A release as the ledger tells it: who is champion, whom to go back to, and how far a challenger has come.

A challenger answers a copy (shadow), then for a growing share of the entities (canary), and is then promoted; at any
moment it may be withdrawn. Nothing is remembered elsewhere: whoever folds the same entries stands at the same place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Frozen, RolledBack, ShadowStarted, TrafficShifted
from ml.rollout.routing import Routing


@dataclass(frozen=True, kw_only=True, slots=True)
class ChallengerRollout:
    """A challenger under way: `share` of the entities is its own, 0 while it is a shadow.

    `night` is the one that it was trained as of, `release` the ledger's entry that began it, and `stages` say when it
    was given which share, the first 0.
    """

    digest: str
    night: date
    release: int
    stages: tuple["RolloutStage", ...]

    @property
    def share(self) -> float:
        return self.stages[-1].share


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStage:
    """When a share was given: by the clock for live requests, and for the batch with the night after `night`."""

    share: float
    night: date
    started_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutState:
    """Where a use case stands as of the entry `seq` of the ledger."""

    use_case: str
    seq: int = 0
    champions: tuple[str, ...] = ()
    rolled_back: frozenset[str] = frozenset()
    challenger: ChallengerRollout | None = None

    @property
    def champion(self) -> str | None:
        return self.champions[-1] if self.champions else None

    @property
    def standby(self) -> str | None:
        """The last champion before this one that nobody was rolled back from; None when there is none."""
        return next(
            (each for each in reversed(self.champions) if each != self.champion and each not in self.rolled_back), None
        )

    @property
    def routing(self) -> Routing | None:
        """How entities are dealt; None before the first champion."""
        if self.champion is None:
            return None
        routing = Routing(use_case=self.use_case, seq=self.seq, champion=self.champion, standby=self.standby)
        if self.challenger is None:
            return routing
        return replace(
            routing,
            challenger=self.challenger.digest,
            canary=self.challenger.share,
            shadow=True,
            release=str(self.challenger.release),
        )


def replay_events(use_case: str, entries: Iterable[Entry]) -> RolloutState:
    """Return where `entries`, in the order in which they count, have brought the use case."""
    state = RolloutState(use_case=use_case)
    for entry in entries:
        state = replace(_apply_event(state, entry), seq=max(state.seq, entry.seq))
    return state


def active_freeze(entries: Iterable[Entry], moment: datetime) -> Entry | None:
    """Return the entry by which releases are frozen at `moment`, the one that lasts longest; None when they are not."""
    all_entries = list(entries)
    unfrozen = {each.subject for each in all_entries if each.kind == EntryKind.UNFROZEN}
    active = [
        (ledger_entries.read(each, Frozen).until, each)
        for each in all_entries
        if each.kind == EntryKind.FROZEN and each.key not in unfrozen and _freezes(each, moment)
    ]
    return max(active, key=lambda each: each[0], default=("", None))[1]


def next_share(shares: Sequence[float], share: float) -> float | None:
    """Return the share of the entities that comes after `share`; None after the last."""
    return next((each for each in shares if each > share), None)


def _freezes(entry: Entry, moment: datetime) -> bool:
    freeze = ledger_entries.read(entry, Frozen)
    return datetime.fromisoformat(freeze.since) <= moment < datetime.fromisoformat(freeze.until)


def _apply_event(state: RolloutState, entry: Entry) -> RolloutState:
    match entry.kind:
        case EntryKind.PROMOTED:
            return replace(
                state,
                champions=(*state.champions, entry.subject),
                rolled_back=state.rolled_back - {entry.subject},
                challenger=None,
            )
        case EntryKind.ROLLED_BACK:
            rolled_back = state.rolled_back | {ledger_entries.read(entry, RolledBack).from_package}
            return replace(state, champions=(*state.champions, entry.subject), rolled_back=rolled_back, challenger=None)
        case EntryKind.SHADOW_STARTED:
            started = ledger_entries.read(entry, ShadowStarted)
            return replace(state, challenger=_start_rollout(entry, started.trained_night))
        case EntryKind.TRAFFIC_SHIFTED:
            shift = ledger_entries.read(entry, TrafficShifted)
            same = state.challenger if _concerns_challenger(state, entry) else None
            rollout = same or _start_rollout(entry, shift.trained_night)
            return replace(state, challenger=replace(rollout, stages=(*rollout.stages, _stage(entry, shift.share))))
        case EntryKind.ABORTED | EntryKind.REJECTED if _concerns_challenger(state, entry):
            return replace(state, challenger=None)
        case _:
            return state


def _start_rollout(entry: Entry, trained_night: date) -> ChallengerRollout:
    return ChallengerRollout(
        digest=entry.subject, night=trained_night, release=entry.seq, stages=(_stage(entry, share=0.0),)
    )


def _stage(entry: Entry, share: float) -> RolloutStage:
    assert entry.night is not None
    return RolloutStage(share=share, night=entry.night, started_at=entry.recorded_at)


def _concerns_challenger(state: RolloutState, entry: Entry) -> bool:
    return state.challenger is not None and state.challenger.digest == entry.subject
