"""One-line descriptions of ledger entries for people: the decision and its reason."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Protocol, cast

from ml.governance import ledger_entries
from ml.governance.checks import CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    Aborted,
    AcceptanceTested,
    AdoptionRecord,
    ApprovalRecord,
    EntryKind,
    Frozen,
    GateOverridden,
    LabelBatchDecided,
    ParityChecked,
    Promoted,
    Pruned,
    PublicationDecided,
    Rescored,
    RetrainingDecided,
    RolledBack,
    ShadowReviewed,
    ShadowStarted,
    StagePassed,
    StandingLapsed,
    StandingProposed,
    TrafficShifted,
    Tuned,
    Upgraded,
    Validated,
    Verdict,
)

_SHORT = 12


class _DecidedByPerson(Protocol):
    who: str
    why: str


def describe(entry: Entry) -> str:
    """Return the decision and its reason; for kinds without a description of their own, the plain values.

    Raises LedgerError if the payload does not belong to the kind.
    """
    return _DESCRIBERS.get(entry.kind, _describe_values)(entry)


def describe_adoption(night: date, record: AdoptionRecord, *, is_unproven: bool) -> str:
    """Return a sentence on the evidence, the allowance and the harm of a recipe, as of its refresh of `night`.

    `is_unproven` says that this refresh was adopted unproven, which uses the allowance once more than `record` says.
    """
    used = record.allowance_used + is_unproven
    licence = "licensed" if record.is_licensed else f"licence at {record.licence:g}"
    return (
        f"As of {night}, evidence that refreshes of this recipe are better than the anchor {record.anchor}: e = "
        f"{record.evidence:.3g} ({licence}); {used} of {record.allowance} unproven refreshes used; {record.harm:+.3f} of "
        f"{record.harm_budget:g} lost beyond the last proven model (below 0 is a gain)"
    )


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
    promoted = ledger_entries.read(entry, Promoted)
    return _approval(promoted.approved_by, promoted.standing)


def _approval(people: tuple[str, ...], standing: str | None) -> str:
    within = f" in the standing approval {standing[:_SHORT]}" if standing else ""
    return f"approved by {' and '.join(people)}{within}"


def _describe_shadow(entry: Entry) -> str:
    return f"scores copies of requests; trained as of {ledger_entries.read(entry, ShadowStarted).trained_night}"


def _describe_shadow_review(entry: Entry) -> str:
    shadow = ledger_entries.read(entry, ShadowReviewed)
    return (
        f"{shadow.responses} responses as a shadow, {shadow.errors} of them errors; its scores differ from the "
        f"champion's by {shadow.mean_score_difference:.4f} on average, and {shadow.decision_change_share:.1%} of the "
        "decisions would change"
    )


def _describe_shift(entry: Entry) -> str:
    shifted = ledger_entries.read(entry, TrafficShifted)
    share = f"answers for {shifted.share:.0%} of the entities"
    return f"{share}; {_approval(shifted.approved_by, shifted.standing)}" if shifted.approved_by else share


def _describe_stage(entry: Entry) -> str:
    passed = ledger_entries.read(entry, StagePassed)
    return f"passed at {passed.share:.0%} of the entities: {passed.reason}"


def _describe_abort(entry: Entry) -> str:
    aborted = ledger_entries.read(entry, Aborted)
    share = f"at {aborted.share:.0%} of the entities, " if aborted.share else ""
    return f"{share}by {aborted.who}: {aborted.why}" if aborted.who else f"{share}by the canary test: {aborted.reason}"


def _describe_rollback(entry: Entry) -> str:
    back = ledger_entries.read(entry, RolledBack)
    ended = back.ended_recipe
    limit = f"; no refresh of the recipe {ended[:_SHORT]} is adopted unproven any more" if ended else ""
    return f"in place of {back.from_package[:_SHORT]}, by {back.who}: {back.why}{limit}"


def _describe_freeze(entry: Entry) -> str:
    frozen = ledger_entries.read(entry, Frozen)
    return f"from {frozen.since} until {frozen.until}, by {frozen.who}: {frozen.why}"


def _describe_override(entry: Entry) -> str:
    override = ledger_entries.read(entry, GateOverridden)
    return f"the outcome {override.outcome}, until {override.until}, by {override.who}: {override.why}"


def _describe_lapse(entry: Entry) -> str:
    lapsed = ledger_entries.read(entry, StandingLapsed)
    return f"the standing approval {lapsed.standing[:_SHORT]} no longer covers this release: {lapsed.reason}"


def _describe_publication(entry: Entry) -> str:
    decided = ledger_entries.read(entry, PublicationDecided)
    override = f"; overridden by {decided.overridden_by}" if decided.overridden_by else ""
    failed = [each.describe() for each in decided.checks if each.status is not CheckStatus.PASS]
    return "; ".join([f"{decided.rows} rows, invalid scores: {decided.invalid}{override}", *failed])


def _describe_rescoring(entry: Entry) -> str:
    rescored = ledger_entries.read(entry, Rescored)
    return f"{rescored.nights} nights, {rescored.first} to {rescored.last}, by {rescored.who}: {rescored.why}"


def _describe_tuning(entry: Entry) -> str:
    tuned = ledger_entries.read(entry, Tuned)
    return f"the best of {tuned.trials} trials of the recipe {tuned.recipe[:_SHORT]}"


def _describe_upgrade(entry: Entry) -> str:
    upgraded = ledger_entries.read(entry, Upgraded)
    return "; ".join([f"from schema {upgraded.from_schema} to {upgraded.to_schema}", *upgraded.done])


def _describe_person(entry: Entry) -> str:
    """Describe an entry that says only who decided, and why: an override, a withdrawal, a revocation."""
    decided = cast("_DecidedByPerson", ledger_entries.read(entry, ledger_entries.PAYLOADS[EntryKind(entry.kind)]))
    return f"by {decided.who}: {decided.why}"


def _describe_proposal(entry: Entry) -> str:
    terms = ledger_entries.read(entry, StandingProposed)
    return (
        f"standing approval {entry.digest[:_SHORT]} proposed by {terms.who}: {terms.adoptions} adoptions of the recipe "
        f"{terms.recipe[:_SHORT]} until {terms.until}: {terms.why}"
    )


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
    EntryKind.JUDGED_AGAIN: _describe_verdict,
    EntryKind.APPROVED: _describe_approval,
    EntryKind.REJECTED: _describe_approval,
    EntryKind.PROMOTED: _describe_promotion,
    EntryKind.STANDING_PROPOSED: _describe_proposal,
    EntryKind.PARITY: _describe_parity,
    EntryKind.ACCEPTANCE_TESTED: _describe_acceptance_tests,
    EntryKind.PRUNED: _describe_pruning,
    EntryKind.TUNED: _describe_tuning,
    EntryKind.GATE_OVERRIDDEN: _describe_override,
    EntryKind.SHADOW_STARTED: _describe_shadow,
    EntryKind.SHADOW_REVIEWED: _describe_shadow_review,
    EntryKind.TRAFFIC_SHIFTED: _describe_shift,
    EntryKind.STAGE_PASSED: _describe_stage,
    EntryKind.ABORTED: _describe_abort,
    EntryKind.ROLLED_BACK: _describe_rollback,
    EntryKind.FROZEN: _describe_freeze,
    EntryKind.UNFROZEN: _describe_person,
    EntryKind.STANDING_REVOKED: _describe_person,
    EntryKind.STANDING_LAPSED: _describe_lapse,
    EntryKind.SCORES_PUBLISHED: _describe_publication,
    EntryKind.SCORES_HELD_BACK: _describe_publication,
    EntryKind.PUBLICATION_OVERRIDDEN: _describe_person,
    EntryKind.SNAPSHOT_OVERRIDDEN: _describe_person,
    EntryKind.SNAPSHOT_WITHDRAWN: _describe_person,
    EntryKind.RESCORED: _describe_rescoring,
    EntryKind.UPGRADED: _describe_upgrade,
    EntryKind.FORGOTTEN: _describe_person,
}
