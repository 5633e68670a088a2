"""Standing approvals: proposed by a person, granted by signed approvals, and their use counted from the ledger.

The newest proposal that every role has approved counts, and no older one, whether or not it still covers anything.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from include.steps.adoption import line as lines
from include.steps.adoption import record
from include.steps.context import StepContext
from include.stores import approvals, ledger
from include.stores.ledger import NoneSince
from ml.errors import SCORING_ERRORS, ApprovalError
from ml.governance import hash_chain, ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    STANDING_KINDS,
    EntryKind,
    StandingProposed,
    Verdict,
)
from ml.promotion.adoption import standing_approval
from ml.promotion.adoption.standing_approval import Applicant, Terms, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingApproval:
    """A proposal that every role has approved: the digest of its entry, its terms and the people who approved."""

    digest: str
    terms: Terms
    approved_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Whether the standing approval, if there is one, covers a challenger: `refusal` says why it does not, else "".

    `condition` holds as long as no standing approval was proposed or revoked since.
    """

    approval: StandingApproval | None
    refusal: str
    condition: NoneSince

    @property
    def is_covered(self) -> bool:
        """Whether the standing approval covers the challenger."""
        return not self.refusal


def newest(context: StepContext) -> StandingApproval | None:
    """Return the newest standing approval that was given, even if it has ended; None if there was none."""
    entries = ledger.entries(context.engine, context.case.name, EntryKind.STANDING_PROPOSED)
    for each in reversed(entries):
        try:
            return grant(context, each)
        except ApprovalError:
            continue
    return None


def cover(challenger: Entry, context: StepContext, *, is_overridden: bool) -> Coverage:
    """Return whether the newest standing approval covers the challenger as of now.

    The recipes are those of the signed packages, and the harm is computed anew. `is_overridden` says that a person
    overrode the gate. Once people were asked about the package itself, only their answers count.
    """
    entries = ledger.entries_of_kinds(context.engine, context.case.name, STANDING_KINDS)
    condition = NoneSince(kinds=STANDING_KINDS, seq=max((each.seq for each in entries), default=0))
    approval = newest(context)
    return Coverage(
        approval=approval,
        refusal=("there is none" if approval is None else _refusal(approval, challenger, context, is_overridden)),
        condition=condition,
    )


def usage(approval: StandingApproval, context: StepContext, at_least: date = date.min) -> Usage:
    """Return what was done under the standing approval until now; the harm as `record.present_harm` computes it.

    Raises one of `SCORING_ERRORS` when the harm cannot be computed.
    """
    entries = ledger.entries_of_kinds(context.engine, context.case.name, standing_approval.USAGE_KINDS)
    return replace(
        standing_approval.usage(entries, approval.digest),
        harm=record.present_harm(context, approval.terms.recipe, at_least),
    )


def describe(approval: StandingApproval, context: StepContext) -> list[str]:
    """Return lines of text on the standing approval: who gave it, what is left of it, and why it ended if it has."""
    bounds = approval.terms
    head = f"standing approval {approval.digest}, given by {' and '.join(approval.approved_by)}"
    try:
        used = usage(approval, context)
    except SCORING_ERRORS as error:
        return [head, f"covers nothing now: its harm cannot be computed: {error}"]
    ended = standing_approval.ended(bounds, used, today())
    return [
        head,
        f"for the recipe {bounds.recipe}: {len(used.adopted)} of {bounds.adoptions} adoptions used, at least "
        f"{bounds.nights_between} nights between two trainings, harm {used.harm:+.3f} of {bounds.harm_budget:g}, "
        f"until {bounds.until}",
        f"ended: {ended}" if ended else "in force",
    ]


def harm_budget(context: StepContext, standing: str | None, declared: float) -> float:
    """Return the harm budget of a champion that was adopted under `standing`: the smaller of its terms' and `declared`.

    Signatures need not be verified for this, because the budget can only become smaller.
    """
    proposals = ledger.entries(context.engine, context.case.name, EntryKind.STANDING_PROPOSED)
    budgets = [terms(each).harm_budget for each in proposals if each.digest == standing]
    return min([declared, *budgets])


def terms(proposed: Entry) -> Terms:
    """Return the terms of a proposal."""
    return ledger_entries.read(proposed, StandingProposed)


def today() -> date:
    """Return the present day in UTC, by which a standing approval ends."""
    return datetime.now(UTC).date()


def _refusal(approval: StandingApproval, challenger: Entry, context: StepContext, is_overridden: bool) -> str:
    assert challenger.night is not None
    answers = ledger.entries_of_kinds(context.engine, context.case.name, approvals.KINDS)
    if any(each.subject == challenger.subject and each.seq > challenger.seq for each in answers):
        return "people were asked about this package, and only their answers count"
    try:
        used = usage(approval, context, challenger.night)
        applicant = _applicant(challenger, context, is_overridden)
    except SCORING_ERRORS as error:
        return f"it cannot be verified: {error}"
    return standing_approval.refusal(approval.terms, used, applicant, today(), context.case.schedule.count)


def grant(context: StepContext, proposed: Entry) -> StandingApproval:
    """Return the standing approval; raises ApprovalError unless each role approved it, each by another person."""
    assert proposed.night is not None
    if hash_chain.entry_digest(proposed.previous, proposed) != proposed.digest:
        raise ApprovalError(
            f"the ledger entry {proposed.seq}, which proposes a standing approval, was changed after it was written"
        )
    key, roles = approvals.load_key(context.settings), context.case.release.approvers
    try:
        given = approvals.check(
            context.engine, key, context.case.name, proposed.night, proposed.digest, proposed.digest, roles
        )
    except ApprovalError as error:
        raise ApprovalError(f"the standing approval {proposed.digest[:12]} was not given: {error}") from None
    users = tuple(each.user for each in given)
    return StandingApproval(digest=proposed.digest, terms=terms(proposed), approved_by=users)


def _applicant(challenger: Entry, context: StepContext, is_overridden: bool) -> Applicant:
    verdict = ledger_entries.read(challenger, Verdict)
    assert challenger.night is not None
    return Applicant(
        night=challenger.night,
        rule=verdict.rule,
        recipe=lines.packaged_recipe(context, challenger.subject),
        champion_recipe=lines.packaged_recipe(context, verdict.champion) if verdict.champion else "",
        rules=standing_approval.rules_digest(context.case),
        is_overridden=is_overridden,
    )
