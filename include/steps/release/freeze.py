"""Release freezes: a person stops releases for a time, with a reason, and may end the freeze early."""

from datetime import UTC, datetime

from include.steps import justification
from include.steps.context import StepContext
from include.stores import ledger
from ml.errors import LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Frozen, Unfrozen
from ml.rollout import state


def freeze(use_case: str, first: datetime, until: datetime, who: str, why: str) -> Entry:
    """Freeze releases from `first` to `until` (time zone aware): no approval requests, traffic shifts or promotions.

    Rollbacks stay possible. Raises RequestError when the freeze ends before it begins or is already over, and without a
    name or a reason.
    """
    context = StepContext.load(use_case)
    justification.check("a freeze", who, why)
    if not max(first, datetime.now(UTC)) < until:
        raise RequestError(f"expected a freeze that ends after it begins and after now, got {first} to {until}")
    begins, ends = (each.astimezone(UTC).isoformat() for each in (first, until))
    return ledger.append(
        context.engine,
        kind=EntryKind.FROZEN,
        use_case=context.case.name,
        night=None,
        subject=context.case.name,
        payload=Frozen(since=begins, until=ends, who=who, why=why),
        key=f"{context.case.name}:{EntryKind.FROZEN}:{begins}:{ends}:{who}",
    )


def unfreeze(use_case: str, who: str, why: str) -> Entry:
    """End the active freeze; raises RequestError when there is none, and without a name or a reason."""
    context = StepContext.load(use_case)
    justification.check("the end of a freeze", who, why)
    active = active_freeze(context)
    if active is None:
        raise RequestError(f"releases of {context.case.name} are not frozen: there is nothing to end")
    return ledger.append(
        context.engine,
        kind=EntryKind.UNFROZEN,
        use_case=context.case.name,
        night=None,
        subject=active.key,
        payload=Unfrozen(who=who, why=why),
        key=f"{active.key}:{EntryKind.UNFROZEN}",
    )


def active_freeze(context: StepContext) -> Entry | None:
    """Return the active freeze; None when there is none."""
    engine = context.engine
    entries = ledger.entries_of_kinds(engine, context.case.name, (EntryKind.FROZEN, EntryKind.UNFROZEN))
    return state.active_freeze(entries, datetime.now(UTC))


def require_unfrozen(context: StepContext) -> None:
    """Raise LedgerError while releases are frozen."""
    active = active_freeze(context)
    if active is not None:
        freeze_entry = ledger_entries.read(active, Frozen)
        raise LedgerError(
            f"releases of {context.case.name} are frozen until {freeze_entry.until} by {freeze_entry.who}: "
            f"{freeze_entry.why}. Clear this task after that time, or end the freeze with "
            f"`ratchet unfreeze {context.case.name}`"
        )
