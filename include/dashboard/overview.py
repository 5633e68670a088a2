"""The status of every use case: deployed models, the last night, alerts, and pending approvals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from include import usecases
from include.dashboard import pending_approvals, standing_approval
from include.dashboard.pending_approvals import PendingRelease
from include.stores import ledger, night_gaps, warehouse
from include.stores.night_gaps import NightGaps
from include.stores.warehouse import Alert, Ingestion
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    RELEASE_KINDS,
    STANDING_KINDS,
    EntryKind,
    Frozen,
    Promoted,
    RetrainingDecided,
)
from ml.rollout import state
from ml.rollout.state import RolloutState
from ml.usecase import UseCase

STATUS_KINDS = RELEASE_KINDS | STANDING_KINDS | pending_approvals.KINDS
_ALERT_NIGHTS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFreeze:
    """An active freeze of releases: until when, by whom, and why."""

    until: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCaseStatus:
    """The current status of a use case; a field is None if there is nothing yet.

    `is_retraining_due` is the result of the last decision on retraining. `alerts` are those of the last week, newest
    first. `gaps` are the nights that are due and have no run or no scores, and those that wait for files. `standing`
    is a sentence on the standing approval; `relied_on` is the digest of the one under which the champion was adopted.
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
    gaps: NightGaps
    standing: str | None
    relied_on: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The status of all models, and the errors of those that cannot be loaded, as (name, message)."""

    use_cases: tuple[UseCaseStatus, ...]
    unreadable: tuple[tuple[str, str], ...]


def gather(engine: sa.Engine, moment: datetime) -> Overview:
    """Return the status of the model of every use case, at each of its horizons, at `moment`."""
    return Overview(
        use_cases=tuple(status(engine, case, moment) for case in usecases.models()),
        unreadable=tuple(usecases.load_errors().items()),
    )


def status(engine: sa.Engine, case: UseCase, moment: datetime) -> UseCaseStatus:
    """Return the status of one use case at `moment`."""
    return status_from_entries(engine, case, moment, ledger.entries_of_kinds(engine, case.name, STATUS_KINDS))


def status_from_entries(engine: sa.Engine, case: UseCase, moment: datetime, entries: Sequence[Entry]) -> UseCaseStatus:
    """Return the same as `status`, from ledger `entries` in order, which must include all entries of `STATUS_KINDS`."""
    rollout = state.replay_events(case.name, [each for each in entries if each.kind in RELEASE_KINDS])
    last_change = _last_change(entries)
    promoted = _promoted(last_change)
    night = warehouse.last_scored_night(engine, case.name)
    ingested = warehouse.ingestions(engine, case.dataset, night, night) if night else ()
    decided = ledger.search(engine, use_case=case.name, kind=EntryKind.RETRAINING_DECIDED, limit=1).entries
    return UseCaseStatus(
        name=case.name,
        question=case.question,
        rollout=rollout,
        champion_since=last_change.night if last_change else None,
        approved_by=promoted.approved_by if promoted else (),
        pending=pending_approvals.find(case, entries, rollout, moment.date()),
        freeze=_active_freeze(entries, moment),
        last_night=night,
        last_decision=decided[0] if decided else None,
        is_retraining_due=any(ledger_entries.read(each, RetrainingDecided).retrain for each in decided),
        rows_in=sum(each.rows_in for each in ingested),
        rows_quarantined=_quarantined(ingested),
        alerts=_alerts(engine, case, night),
        gaps=night_gaps.find(engine, case, moment),
        standing=standing_approval.find(entries, case.release.approvers, moment.date()),
        relied_on=promoted.standing if promoted else None,
    )


def _last_change(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry that made the current champion: a promotion or a rollback."""
    promotion_kinds = (EntryKind.PROMOTED, EntryKind.ROLLED_BACK)
    return next((each for each in reversed(entries) if each.kind in promotion_kinds), None)


def _promoted(last_change: Entry | None) -> Promoted | None:
    if last_change is None or last_change.kind != EntryKind.PROMOTED:
        return None
    return ledger_entries.read(last_change, Promoted)


def _active_freeze(entries: Sequence[Entry], moment: datetime) -> ReleaseFreeze | None:
    entry = state.active_freeze(entries, moment)
    if entry is None:
        return None
    freeze = ledger_entries.read(entry, Frozen)
    return ReleaseFreeze(until=freeze.until, who=freeze.who, why=freeze.why)


def _quarantined(ingested: Sequence[Ingestion]) -> int:
    return sum(each.rows_quarantined for each in ingested)


def _alerts(engine: sa.Engine, case: UseCase, night: date | None) -> tuple[Alert, ...]:
    """Return the alerts since a week before `night`, newest first; all alerts if no night was scored yet."""
    first = night - timedelta(days=_ALERT_NIGHTS) if night else None
    return warehouse.alerts(engine, case.name, first)[::-1]
