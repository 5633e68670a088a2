"""Prune a use case: remove what is past its declared retention and nothing needs any more.

What will be removed is recorded in the ledger first: in one entry, and the files of the lake in another one. Every part
can be removed again, so that a run that was killed is completed by the next one. The ledger is never pruned.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from include.steps.context import StepContext
from include.steps.prune import needs, parts, versions
from include.steps.prune.part import PrunablePart, PruneContext
from include.stores import ledger, packages, warehouse
from ml.governance.ledger_entries import EntryKind, Pruned, PrunedPart
from ml.governance.pruning import PrunePlan
from ml.usecase import periods

__all__ = ["SAFETY_HOURS", "prune"]

SAFETY_HOURS = 48  # what was written since may belong to a task that runs
_PACKAGES = "packages"


def prune(
    use_case: str, *, now: datetime | None = None, dry_run: bool = False, safety_hours: int = SAFETY_HOURS
) -> tuple[PrunePlan, ...]:
    """Remove what is past its retention and not needed, unless `dry_run`, and return the plan of each part.

    Nights count back from the last ingested night; without one there is nothing to prune, and () is returned. Files and
    runs that were written in the last `safety_hours` stay.
    """
    step, moment = StepContext.load(use_case), now or datetime.now(UTC)
    last = _last_night(step, moment)
    if last is None:
        return ()
    context = PruneContext(step=step, needs=needs.find(step), last=last, now=moment, safety_hours=safety_hours)
    present = tuple(parts.all_parts(context))
    plans = tuple(each.plan() for each in present)
    if not dry_run:
        _record(context, plans)
        _remove(present, plans)
        packages.remove_leftovers(step.settings.packages)
    tables = versions.trims(context)  # after the rows, so that their files go, too
    versions_plan = versions.plan(context, tables)
    if not dry_run:
        _record(context, (versions_plan,))
        versions.remove(tables)
    return (*plans, versions_plan)


def _remove(present: Sequence[PrunablePart], plans: Sequence[PrunePlan]) -> None:
    for part, plan in zip(present, plans, strict=True):
        if plan.removed:
            part.remove(plan.removed)


def _record(context: PruneContext, plans: Sequence[PrunePlan]) -> None:
    """Append a ledger entry on what will be removed; none when nothing will be."""
    removed = _removed_parts(plans)
    if not removed:
        return
    engine, name = context.step.engine, context.step.case.name
    earlier = ledger.entries(engine, use_case=name, kind=EntryKind.PRUNED)
    digests = tuple(each.name for plan in plans if plan.part == _PACKAGES for each in plan.removed)
    ledger.append(
        engine,
        kind=EntryKind.PRUNED,
        use_case=name,
        night=context.last,
        subject=name,
        payload=Pruned(parts=removed, packages=digests),
        key=f"{name}:{EntryKind.PRUNED}:{len(earlier) + 1}",
    )


def _removed_parts(plans: Sequence[PrunePlan]) -> Mapping[str, PrunedPart]:
    return {
        each.part: PrunedPart(items=each.removed_count, size_bytes=each.removed_bytes, first_kept=each.first_kept)
        for each in plans
        if each.removed
    }


def _last_night(step: StepContext, now: datetime) -> date | None:
    """Return the last ingested night whose cutoff has passed; a night to come must not make all others old."""
    latest = step.case.schedule.latest_decided(now)
    nights = [periods.parse(each.period).last for each in warehouse.files(step.engine, step.case.dataset)]
    return max((night for night in nights if night <= latest), default=None)
