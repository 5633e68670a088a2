"""The nights of a use case that are due and have no run, or no scores."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind
from ml.usecase import UseCase, periods

GRACE = timedelta(hours=2)  # after its cutoff, a night may still be running
WAITING = "waiting_for_files"  # the kind of the alert of a night that waits for its files
_WAITING_DAYS = timedelta(days=8)


@dataclass(frozen=True, kw_only=True, slots=True)
class NightGaps:
    """The nights that were not ingested, and those that were ingested and have no scores, in order.

    Scores that are held back count as scores: they have an alert of their own. `waiting` says for which files the
    nights wait that have begun and are not ingested.
    """

    without_run: tuple[date, ...]
    without_scores: tuple[date, ...]
    waiting: tuple[str, ...] = ()


def find(engine: sa.Engine, case: UseCase, moment: datetime) -> NightGaps:
    """Return the gaps among the nights that are due at `moment`, which has a time zone; see `Night.missed`."""
    schedule = case.schedule
    grace = max(GRACE, timedelta(hours=case.arrival.hours))
    following = schedule.previous(schedule.latest_decided(moment - grace), -1)
    ingested = ingested_nights(engine, case)
    missed = schedule.missed(ingested, following)
    recent = sorted(
        each
        for each in ingested
        if following - timedelta(days=366) <= each < following and case.complete_at(each) <= moment - grace
    )
    alerts = warehouse.alerts(engine, case.dataset, (moment - _WAITING_DAYS).date())
    return NightGaps(
        without_run=missed,
        without_scores=_without_scores(engine, case, recent),
        waiting=tuple(each.message for each in alerts if each.kind == WAITING),
    )


def ingested_nights(engine: sa.Engine, case: UseCase) -> frozenset[date]:
    """Return the nights whose files were ingested, alone or in a window."""
    known = map(periods.parse, warehouse.ingested_periods(engine, case.dataset))
    return frozenset(night for period in known for night in case.schedule.nights(period))


def _without_scores(engine: sa.Engine, case: UseCase, nights: list[date]) -> tuple[date, ...]:
    """Return those of `nights` that a champion should have scored, and that have neither scores nor a refusal."""
    promotions = ledger.entries(engine, case.name, EntryKind.PROMOTED)
    first = min((each.night for each in promotions if each.night is not None), default=None)
    due = [night for night in nights if first is not None and night > first]
    if not due:
        return ()
    ingested = warehouse.ingestions(engine, case.dataset, due[0], due[-1])
    populated = {each.night for each in ingested if each.source_table == case.entities and each.rows_valid}
    scored = warehouse.published_nights(engine, case.name, due)
    held_back = warehouse.held_back_nights(engine, case.name, due[0], due[-1])
    return tuple(night for night in due if night in populated - scored - held_back)
