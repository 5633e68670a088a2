"""Times in which nobody releases: declared by a person with a reason, and over when they end or are ended."""

from datetime import UTC, datetime

from include import usecases
from include.settings import Settings, load_settings
from include.steps import justification
from include.stores import ledger, warehouse
from ml.errors import LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Frozen, Unfrozen
from ml.rollout import state
from ml.usecase import UseCase


def freeze(use_case: str, first: datetime, until: datetime, who: str, why: str) -> Entry:
    """Let nobody be asked, shifted or promoted from `first` on until `until` (with time zones); rollbacks stay possible.

    Raises RequestError for a time that ends before it begins or is over, and without a name or a reason.
    """
    case, settings = usecases.get(use_case), load_settings()
    justification.check("a freeze", who, why)
    if not max(first, datetime.now(UTC)) < until:
        raise RequestError(f"expected a freeze that ends after it begins and after now, got {first} to {until}")
    begins, ends = (each.astimezone(UTC).isoformat() for each in (first, until))
    return ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.FROZEN,
        use_case=case.name,
        night=None,
        subject=case.name,
        payload=Frozen(since=begins, until=ends, who=who, why=why),
        key=f"{case.name}:{EntryKind.FROZEN}:{begins}:{ends}:{who}",
    )


def unfreeze(use_case: str, who: str, why: str) -> Entry:
    """End the freeze that holds now; raises RequestError when there is none."""
    case, settings = usecases.get(use_case), load_settings()
    active = active_freeze(case, settings)
    if active is None:
        raise RequestError(f"releases of {case.name} are not frozen: there is nothing to end")
    return ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.UNFROZEN,
        use_case=case.name,
        night=None,
        subject=active.key,
        payload=Unfrozen(who=who, why=why),
        key=f"{active.key}:{EntryKind.UNFROZEN}",
    )


def active_freeze(case: UseCase, settings: Settings) -> Entry | None:
    """Return the freeze that holds now; None when there is none."""
    engine = warehouse.engine(settings.warehouse_url)
    entries = ledger.entries_of_kinds(engine, case.name, (EntryKind.FROZEN, EntryKind.UNFROZEN))
    return state.active_freeze(entries, datetime.now(UTC))


def require_unfrozen(case: UseCase, settings: Settings) -> None:
    """Raise LedgerError while releases are frozen."""
    active = active_freeze(case, settings)
    if active is not None:
        freeze_entry = ledger_entries.read(active, Frozen)
        raise LedgerError(
            f"releases of {case.name} are frozen until {freeze_entry.until} by {freeze_entry.who}: {freeze_entry.why}. "
            "Clear this task then, "
            f"or end it with `ratchet unfreeze {case.name}`"
        )
