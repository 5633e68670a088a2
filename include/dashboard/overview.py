"""Every use case at a glance: who answers, what the last night brought, and who is waited for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from include import usecases
from include.dashboard import pending_approvals
from include.dashboard.pending_approvals import PendingRelease
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert, Ingestion
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import RELEASE_KINDS, EntryKind, Frozen, Promoted, RetrainingDecided
from ml.rollout import state
from ml.rollout.state import RolloutState
from ml.usecase import UseCase

STATUS_KINDS = RELEASE_KINDS | pending_approvals.KINDS
_ALERT_NIGHTS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFreeze:
    """A time in which nobody releases, and by whose word."""

    until: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCaseStatus:
    """Where a use case stands; None where it has no such thing yet.

    `is_retraining_due` is what its last decision about retraining said; `alerts` are those of its last week, newest first.
    """

    name: str
    question: str
    rollout: RolloutState
    champion_since: date | None
    approved_by: tuple[str, ...]
    pending: PendingRelease | None
    freeze: ReleaseFreeze | None
    last_night: date | None
    last_decision: Entry | None
    is_retraining_due: bool
    rows_in: int
    rows_quarantined: int
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """All use cases, and by name what is wrong with each that cannot be read."""

    use_cases: tuple[UseCaseStatus, ...]
    unreadable: tuple[tuple[str, str], ...]


def gather(engine: sa.Engine, moment: datetime) -> Overview:
    """Return where every use case stands at `moment`."""
    return Overview(
        use_cases=tuple(status(engine, case, moment) for case in usecases.all()),
        unreadable=tuple(usecases.load_errors().items()),
    )


def status(engine: sa.Engine, case: UseCase, moment: datetime) -> UseCaseStatus:
    """Return where one use case stands at `moment`."""
    return status_from_entries(engine, case, moment, ledger.entries_of_kinds(engine, case.name, STATUS_KINDS))


def status_from_entries(engine: sa.Engine, case: UseCase, moment: datetime, entries: Sequence[Entry]) -> UseCaseStatus:
    """Return the same by `entries` of the ledger, in its order, that hold all of `STATUS_KINDS`."""
    rollout = state.replay_events(case.name, [each for each in entries if each.kind in RELEASE_KINDS])
    promotion = _last_promotion(entries)
    night = warehouse.last_scored_night(engine, case.name)
    ingested = warehouse.ingestions(engine, case.name, night, night) if night else ()
    decided = ledger.search(engine, use_case=case.name, kind=EntryKind.RETRAINING_DECIDED, limit=1).entries
    return UseCaseStatus(
        name=case.name,
        question=case.question,
        rollout=rollout,
        champion_since=promotion.night if promotion else None,
        approved_by=_approvers(promotion),
        pending=pending_approvals.find(case, entries, rollout, moment.date()),
        freeze=_active_freeze(entries, moment),
        last_night=night,
        last_decision=decided[0] if decided else None,
        is_retraining_due=any(ledger_entries.read(each, RetrainingDecided).retrain for each in decided),
        rows_in=sum(each.rows_in for each in ingested),
        rows_quarantined=_quarantined(ingested),
        alerts=_alerts(engine, case, night),
    )


def _last_promotion(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry by which the champion became it."""
    promotion_kinds = (EntryKind.PROMOTED, EntryKind.ROLLED_BACK)
    return next((each for each in reversed(entries) if each.kind in promotion_kinds), None)


def _approvers(promotion: Entry | None) -> tuple[str, ...]:
    if promotion is None or promotion.kind != EntryKind.PROMOTED:
        return ()
    return ledger_entries.read(promotion, Promoted).approved_by


def _active_freeze(entries: Sequence[Entry], moment: datetime) -> ReleaseFreeze | None:
    entry = state.active_freeze(entries, moment)
    if entry is None:
        return None
    freeze = ledger_entries.read(entry, Frozen)
    return ReleaseFreeze(until=freeze.until, who=freeze.who, why=freeze.why)


def _quarantined(ingested: Sequence[Ingestion]) -> int:
    return sum(each.rows_quarantined for each in ingested)


def _alerts(engine: sa.Engine, case: UseCase, night: date | None) -> tuple[Alert, ...]:
    """Return the alerts of the last week up to `night` and after it, all where no night was scored yet."""
    first = night - timedelta(days=_ALERT_NIGHTS) if night else None
    return warehouse.alerts(engine, case.name, first)[::-1]
