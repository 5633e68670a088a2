"""The rollout state, replayed from the ledger: the champion, the package for a rollback, and the challenger's stage.

A challenger first scores copies (shadow), then a growing share of the entities (canary), and is then promoted. It may
be aborted at any time. No state is stored elsewhere: replaying the same entries always gives the same state.
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
    """The rollout of a challenger; `share` is its share of the entities, 0 while it is a shadow.

    `night` is the night of its training. `release` is the sequence number of the ledger entry that started the rollout.
    `stages` has the start of each share, the first of which is 0.
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
    """The start of a share: at `started_at` for live requests, and with the night after `night` for batch scoring."""

    share: float
    night: date
    started_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutState:
    """The rollout state of a use case, as of the ledger entry with the sequence number `seq`.

    `champions` has all champions in order; the last is the present one. `rolled_back` has the packages that were rolled
    back and not promoted again.
    """

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
        """The latest earlier champion that was not rolled back; None if there is none.

        >>> RolloutState(use_case="taxi", champions=("c0", "c1", "c2"), rolled_back=frozenset({"c1"})).standby
        'c0'
        """
        return next(
            (each for each in reversed(self.champions) if each != self.champion and each not in self.rolled_back), None
        )

    @property
    def routing(self) -> Routing | None:
        """The routing of this state; None before the first champion."""
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
    """Return the rollout state of a use case after its ledger `entries`, in ledger order."""
    state = RolloutState(use_case=use_case)
    for entry in entries:
        state = replace(_apply_event(state, entry), seq=max(state.seq, entry.seq))
    return state


def active_freeze(entries: Iterable[Entry], moment: datetime) -> Entry | None:
    """Return the entry that freezes releases at `moment`, the one that lasts longest; None if they are not frozen."""
    all_entries = list(entries)
    unfrozen = {each.subject for each in all_entries if each.kind == EntryKind.UNFROZEN}
    active = [
        (ledger_entries.read(each, Frozen).until, each)
        for each in all_entries
        if each.kind == EntryKind.FROZEN and each.key not in unfrozen and _freezes(each, moment)
    ]
    return max(active, key=lambda each: each[0], default=("", None))[1]


def next_share(shares: Sequence[float], share: float) -> float | None:
    """Return the share of the entities that follows `share`; None after the last.

    >>> next_share((0.05, 0.25, 1.0), 0.05), next_share((0.05, 0.25, 1.0), 1.0)
    (0.25, None)
    """
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
