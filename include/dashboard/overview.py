"""Every use case at a glance: who answers, what the last night brought, and who is waited for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from include import usecases
from include.dashboard import pending_approvals
from include.dashboard.pending_approvals import Pending
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert, Ingestion
from ml.governance.hash_chain import Entry
from ml.rollout import state
from ml.rollout.state import Kind, Standing
from ml.usecase import UseCase

DECIDED, JUDGED, LABELLED = "decided", "judged", "labelled"
RELEASE_KINDS = (*Kind, JUDGED, *pending_approvals.KINDS)
_ALERT_NIGHTS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """A time in which nobody releases, and by whose word."""

    until: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """Where a use case stands; None where it has no such thing yet. `alerts` are those of its last week, newest first."""

    name: str
    question: str
    standing: Standing
    champion_since: date | None
    approved_by: tuple[str, ...]
    pending: Pending | None
    frozen: Frozen | None
    last_night: date | None
    last_decision: Entry | None
    rows_in: int
    rows_quarantined: int
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """All use cases, and by name what is wrong with each that cannot be read."""

    use_cases: tuple[Now, ...]
    unreadable: tuple[tuple[str, str], ...]


def gather(engine: sa.Engine, moment: datetime) -> Overview:
    """Return where every use case stands at `moment`."""
    return Overview(
        use_cases=tuple(now(engine, case, moment) for case in usecases.all()),
        unreadable=tuple(usecases.unreadable().items()),
    )


def now(engine: sa.Engine, case: UseCase, moment: datetime) -> Now:
    """Return where one use case stands at `moment`."""
    return stood(engine, case, moment, ledger.of_kinds(engine, case.name, RELEASE_KINDS))


def stood(engine: sa.Engine, case: UseCase, moment: datetime, entries: Sequence[Entry]) -> Now:
    """Return the same by `entries` of the ledger, in its order, that hold all of `RELEASE_KINDS`."""
    standing = state.stand(case.name, [each for each in entries if each.kind in set(Kind)])
    crowned = _crowned(entries)
    night = warehouse.last_scored(engine, case.name)
    ingested = warehouse.ingestions(engine, case.name, night, night) if night else ()
    decided = ledger.search(engine, use_case=case.name, kind=DECIDED, most=1).entries
    return Now(
        name=case.name,
        question=case.question,
        standing=standing,
        champion_since=crowned.night if crowned else None,
        approved_by=_approvers(crowned),
        pending=pending_approvals.find(case, entries, standing, moment.date()),
        frozen=_frozen(entries, moment),
        last_night=night,
        last_decision=decided[0] if decided else None,
        rows_in=sum(each.rows_in for each in ingested),
        rows_quarantined=_quarantined(ingested),
        alerts=_alerts(engine, case, night),
    )


def _crowned(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry by which the champion became it."""
    crowns = (Kind.PROMOTED, Kind.ROLLED_BACK)
    return next((each for each in reversed(entries) if each.kind in crowns), None)


def _approvers(crowned: Entry | None) -> tuple[str, ...]:
    given = crowned.payload.get("approved_by") if crowned else None
    return tuple(map(str, given)) if isinstance(given, list) else ()


def _frozen(entries: Sequence[Entry], moment: datetime) -> Frozen | None:
    held = state.frozen(entries, moment)
    return Frozen(**{name: str(held.payload[name]) for name in ("until", "who", "why")}) if held else None


def _quarantined(ingested: Sequence[Ingestion]) -> int:
    return sum(each.rows_quarantined for each in ingested)


def _alerts(engine: sa.Engine, case: UseCase, night: date | None) -> tuple[Alert, ...]:
    """Return the alerts of the last week up to `night` and after it, all where no night was scored yet."""
    first = night - timedelta(days=_ALERT_NIGHTS) if night else None
    return warehouse.alerts(engine, case.name, first)[::-1]
