"""Which nights servers may answer from: those with published scores, and those that a person let through.

Nights before the first champion have no scores to wait for.
"""

from include.steps import justification, release_state
from include.steps.context import NightContext
from include.stores import ledger, warehouse
from ml.errors import RequestError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, SnapshotOverridden, SnapshotWithdrawn

_KINDS = (EntryKind.SNAPSHOT_OVERRIDDEN, EntryKind.SNAPSHOT_WITHDRAWN)


def check(context: NightContext) -> None:
    """Raise RequestError, with the remedy, unless the snapshot of the context's night may be published."""
    case, night = context.case.name, context.night
    _check_not_held_back(context)
    last = _last_entry(context)
    if last is not None and last.kind == EntryKind.SNAPSHOT_WITHDRAWN:
        raise RequestError(
            f"the snapshot of {night} was withdrawn (entry {last.seq} of the ledger) and is not published again: if it "
            f"is right now, `ratchet features materialize {case} {night} --why ...`"
        )
    if last is None and not _is_issued(context):
        raise RequestError(
            f"expected a night with published scores, got {night}, which has none: run the DAG {case}_score for it, or, "
            f"if servers should answer from it all the same, `ratchet features materialize {case} {night} --why ...`"
        )


def may_stay(context: NightContext) -> bool:
    """Return whether a snapshot of the night that servers have already may stay: it was published once, or let through.

    A night whose scores are held back when it is scored again keeps the snapshot with which it was published.
    """
    last = _last_entry(context)
    return _is_issued(context) if last is None else last.kind == EntryKind.SNAPSHOT_OVERRIDDEN


def override(context: NightContext, who: str, why: str) -> Entry:
    """Record that `who` lets servers answer from a night without published scores, or from a withdrawn one, and why.

    Raises RequestError when its scores are held back, or when the justification is too short.
    """
    justification.check("the snapshot of a night without published scores", who, why)
    _check_not_held_back(context)
    return _append(context, EntryKind.SNAPSHOT_OVERRIDDEN, SnapshotOverridden(who=who, why=why))


def record_withdrawal(context: NightContext, who: str, why: str) -> Entry:
    """Record that `who` withdraws the snapshot of the night, and why; repeating this returns the same entry."""
    justification.check("the withdrawal of a snapshot", who, why)
    return _append(context, EntryKind.SNAPSHOT_WITHDRAWN, SnapshotWithdrawn(who=who, why=why))


def is_withdrawn(context: NightContext) -> bool:
    """Return whether the last decision on the night's snapshot was to withdraw it."""
    last = _last_entry(context)
    return last is not None and last.kind == EntryKind.SNAPSHOT_WITHDRAWN


def _append(context: NightContext, kind: EntryKind, payload: SnapshotOverridden | SnapshotWithdrawn) -> Entry:
    last = _last_entry(context)
    if last is not None and last.kind == kind:
        return last
    name, night = context.case.name, context.night
    return ledger.append(
        context.engine,
        kind=kind,
        use_case=name,
        night=night,
        subject=f"snapshot of {night}",
        payload=payload,
        key=f"{name}:{kind}:{night}:{last.seq if last else 0}",
    )


def _last_entry(context: NightContext) -> Entry | None:
    entries = ledger.entries_of_kinds(context.engine, context.case.name, _KINDS)
    return next((each for each in reversed(entries) if each.night == context.night), None)


def _is_issued(context: NightContext) -> bool:
    published = warehouse.published_nights(context.engine, context.case.name, [context.night])
    return bool(published) or release_state.as_of(context).champion is None


def _check_not_held_back(context: NightContext) -> None:
    case, night = context.case.name, context.night
    if warehouse.held_back_nights(context.engine, case, night, night):
        raise RequestError(
            f"the scores of {night} are held back, so servers do not answer from its features either: fix the night "
            f"and score it again, or publish its scores (`ratchet publish {case} {night} --why ...`)"
        )
