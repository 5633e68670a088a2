"""One-line descriptions of ledger entries for people: the decision and its reason."""

from collections.abc import Callable, Mapping
from typing import Any

from ml.governance import ledger_entries
from ml.governance.checks import CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    AcceptanceTested,
    ApprovalRecord,
    EntryKind,
    LabelBatchDecided,
    ParityChecked,
    Promoted,
    Pruned,
    RetrainingDecided,
    Validated,
    Verdict,
)


def describe(entry: Entry) -> str:
    """Return the decision and its reason; for kinds without a description of their own, the plain values.

    Raises LedgerError if the payload does not belong to the kind.
    """
    return _DESCRIBERS.get(entry.kind, _describe_values)(entry)


def _describe_validation(entry: Entry) -> str:
    validated = ledger_entries.read(entry, Validated)
    counts = f"{validated.rows_valid} of {validated.rows_in} rows valid, {validated.rows_quarantined} quarantined"
    return "; ".join([counts, *validated.alerts])


def _describe_retraining(entry: Entry) -> str:
    return _decision(ledger_entries.read(entry, RetrainingDecided))


def _describe_label_batch(entry: Entry) -> str:
    return _decision(ledger_entries.read(entry, LabelBatchDecided))


def _decision(decided: RetrainingDecided | LabelBatchDecided) -> str:
    return f"{'retrain' if decided.retrain else 'no retraining'}: {decided.reason}"


def _describe_verdict(entry: Entry) -> str:
    verdict = ledger_entries.read(entry, Verdict)
    request = "; ".join([f"requested by {verdict.trigger}", *filter(None, [verdict.budget])])
    return f"{verdict.outcome}: {verdict.reason} ({request})"


def _describe_approval(entry: Entry) -> str:
    given = ledger_entries.read(entry, ApprovalRecord)
    return f"by {given.user} as {given.role}"


def _describe_promotion(entry: Entry) -> str:
    return f"approved by {', '.join(ledger_entries.read(entry, Promoted).approved_by)}"


def _describe_acceptance_tests(entry: Entry) -> str:
    tested = ledger_entries.read(entry, AcceptanceTested)
    failed = [each.describe() for each in tested.checks if each.status is not CheckStatus.PASS]
    return f"fails {'; '.join(failed)}" if failed else f"passes all {len(tested.checks)} acceptance tests"


def _describe_parity(entry: Entry) -> str:
    sources = ledger_entries.read(entry, ParityChecked).sources
    different = [name for name, source in sources.items() if source.different or source.absent]
    return f"{len(sources)} sources compared; " + (
        f"different: {', '.join(different)}" if different else "none is different"
    )


def _describe_pruning(entry: Entry) -> str:
    parts = ledger_entries.read(entry, Pruned).parts
    megabytes = sum(each.size_bytes for each in parts.values()) / 1e6
    return f"{megabytes:.1f} MB removed: " + ", ".join(f"{name} {each.items}" for name, each in sorted(parts.items()))


def _describe_values(entry: Entry) -> str:
    values: Mapping[str, Any] = entry.payload
    plain = {name: value for name, value in values.items() if isinstance(value, (str, int, float, bool))}
    return ", ".join(f"{name} {value}" for name, value in plain.items())


_DESCRIBERS: dict[str, Callable[[Entry], str]] = {
    EntryKind.VALIDATED: _describe_validation,
    EntryKind.RETRAINING_DECIDED: _describe_retraining,
    EntryKind.LABEL_BATCH_DECIDED: _describe_label_batch,
    EntryKind.JUDGED: _describe_verdict,
    EntryKind.APPROVED: _describe_approval,
    EntryKind.REJECTED: _describe_approval,
    EntryKind.PROMOTED: _describe_promotion,
    EntryKind.PARITY: _describe_parity,
    EntryKind.ACCEPTANCE_TESTED: _describe_acceptance_tests,
    EntryKind.PRUNED: _describe_pruning,
}
