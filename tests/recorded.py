"""Read payloads from the ledger of a home; sample verdicts and promotions for tests that need one."""

from datetime import date
from typing import TypeVar

from include.settings import Settings
from include.stores import ledger, warehouse
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, EvaluationRows, Payload, Promoted, StoredInterval, Verdict

P = TypeVar("P", bound=Payload)
PROMOTED = Promoted(approved_by=("tess", "bob"), evidence="e" * 64)


def payloads(
    settings: Settings, kind: EntryKind, payload_type: type[P], use_case: str = "taxi", night: date | None = None
) -> tuple[P, ...]:
    """Return the payloads of the entries of `kind`, oldest first."""
    entries = ledger.entries(warehouse.engine(settings.warehouse_url), use_case, kind, night)
    return tuple(ledger_entries.read(each, payload_type) for each in entries)


def verdicts(settings: Settings, use_case: str = "taxi", night: date | None = None) -> tuple[Verdict, ...]:
    """Return the verdicts of a use case, oldest first."""
    return payloads(settings, EntryKind.JUDGED, Verdict, use_case, night)


def earned(package: str, evidence: str) -> Verdict:
    """Return a verdict that promotes a first model."""
    return Verdict(
        outcome="promote",
        reason="it is good",
        trigger="bootstrap",
        table_versions={"features/entities": 3},
        package=package,
        evidence=evidence,
        rule="bootstrap",
        gain=StoredInterval(value=0.1, low=0.05, high=0.15),
        evaluation=EvaluationRows(nights=("2024-03-12", "2024-03-15"), rows=240, night_count=4, digest="r" * 64),
        choice="it is best",
    )
