"""The challenger of a night, the evidence for its approval, and the preconditions of its release."""

import hashlib

from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.release import acceptance_tests, override
from include.steps.train import attempts
from include.stores import approvals, ledger, warehouse
from include.stores.approvals import Approval
from ml.errors import LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, StagePassed, Verdict
from ml.promotion.gate import Outcome


def find(context: NightContext) -> Entry:
    """Return the verdict by which the night's challenger earned a release: from the gate, in the shadow queue, or by
    an override.

    Raises RequestError when there is none.
    """
    engine = context.engine
    judged = attempts.verdicts(context)
    if judged:
        again = ledger.entries(
            engine,
            use_case=context.case.name,
            kind=EntryKind.JUDGED_AGAIN,
            night=context.night,
            subject=judged[-1].subject,
        )
        if again:
            return again[-1]
        outcome = ledger_entries.read(judged[-1], Verdict).outcome
        if outcome == Outcome.PROMOTE or override.active(engine, judged[-1]):
            return judged[-1]
    raise RequestError(
        f"{context.case.name} has no challenger of {context.night} that earned a release: train one as of that night "
        "first"
    )


def find_entries(challenger: Entry, kind: EntryKind, settings: Settings) -> tuple[Entry, ...]:
    """Return the entries of `kind` on the challenger since its verdict, oldest first."""
    engine = warehouse.engine(settings.warehouse_url)
    entries = ledger.entries(engine, use_case=challenger.use_case, kind=kind, subject=challenger.subject)
    return tuple(each for each in entries if each.seq > challenger.seq)


def evidence_digest(challenger: Entry, settings: Settings) -> str:
    """Return the digest of the evidence shown to approvers: the verdict and, if there is one, the shadow review."""
    verdict_evidence = str(ledger_entries.read(challenger, Verdict).evidence)
    reviews = find_entries(challenger, EntryKind.SHADOW_REVIEWED, settings)
    return (
        hashlib.sha256(f"{verdict_evidence} {reviews[-1].digest}".encode()).hexdigest() if reviews else verdict_evidence
    )


def check_approvals(challenger: Entry, context: StepContext) -> tuple[Approval, ...]:
    """Return both approvals of this package on this evidence, each by another person; else raises ApprovalError."""
    assert challenger.night is not None
    return approvals.check(
        context.engine,
        approvals.load_key(context.settings),
        context.case.name,
        challenger.night,
        challenger.subject,
        evidence_digest(challenger, context.settings),
        context.case.release.approvers,
    )


def require_tested(challenger: Entry, settings: Settings) -> None:
    """Raise LedgerError unless the package has passed its acceptance tests."""
    if not acceptance_tests.passed(warehouse.engine(settings.warehouse_url), challenger):
        raise LedgerError(
            f"package {challenger.subject[:12]} has not passed its acceptance tests of {challenger.night}: run that "
            "task of the release first; its report says which check fails"
        )


def require_same_champion(challenger: Entry, champion: str | None) -> None:
    """Raise LedgerError unless the champion is still the one that the challenger was compared with."""
    judged_against = ledger_entries.read(challenger, Verdict).champion
    if judged_against != champion:
        raise LedgerError(
            f"package {challenger.subject[:12]} was judged against {str(judged_against)[:12]}, but the champion is "
            f"{str(champion)[:12]} now: train again, to compare a challenger with the model that it would replace"
        )


def require_passed(challenger: Entry, context: StepContext) -> None:
    """Raise LedgerError unless the challenger has passed the last canary stage that the use case declares."""
    stages = find_entries(challenger, EntryKind.STAGE_PASSED, context.settings)
    passed = [ledger_entries.read(each, StagePassed).share for each in stages]
    if not passed or max(passed) < context.case.release.shares[-1]:
        raise LedgerError(
            f"package {challenger.subject[:12]} has not passed its canary: it has passed {passed or 'no share'} of "
            f"{list(context.case.release.shares)}; the DAG `{context.case.name}_canary` continues its canary"
        )
