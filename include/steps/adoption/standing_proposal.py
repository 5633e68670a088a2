"""Proposals of standing approvals: made by a person, and answered by the approvers with signatures."""

from dataclasses import dataclass
from datetime import date

from include import notifications
from include.steps import justification, release_state
from include.steps.adoption import line as lines
from include.steps.adoption import standing_approval as step
from include.steps.adoption.standing_approval import StandingApproval
from include.steps.context import StepContext
from include.stores import approvals, backtest_reports, ledger
from include.stores.approvals import Approval, Choice
from ml.errors import RequestError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, StandingProposed
from ml.promotion.adoption import standing_approval
from ml.usecase import Permission, UseCase

_LONGEST_DAYS = 366


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The bounds of a proposal: how many adoptions, how far apart, at what harm, and the last day (UTC)."""

    adoptions: int
    nights_between: int
    harm_budget: float
    until: date


def propose(use_case: str, request_id: str, bounds: Bounds, who: str, why: str) -> Entry:
    """Propose a standing approval for refreshes of the champion's recipe; the same `request_id` is one proposal.

    It has no effect until every role has approved it. Raises RequestError when there is no champion, when the use case
    declares no adoption, when `who` may not start a release, without a reason, and for bounds out of range.
    """
    context = StepContext.load(use_case)
    justification.check("a standing approval", who, why)
    context.case.roles.check_permission(Permission.RELEASE, who)
    existing = _find_proposal(context, request_id)
    if existing is not None:
        return existing
    _check(bounds, context.case)
    champion = ledger.champion(context.engine, context.case.name)
    if champion is None:
        raise RequestError(
            f"{context.case.name} has no champion yet: a standing approval is for refreshes of its recipe; train a "
            "first model and release it"
        )
    reports = backtest_reports.gather(context.settings.reports, context.case.name)
    assert champion.night is not None
    return ledger.append(
        context.engine,
        kind=EntryKind.STANDING_PROPOSED,
        use_case=context.case.name,
        night=release_state.latest_night(context, champion.night),
        subject=champion.subject,
        payload=StandingProposed(
            recipe=lines.packaged_recipe(context, champion.subject),
            rules=standing_approval.rules_digest(context.case),
            adoptions=bounds.adoptions,
            nights_between=bounds.nights_between,
            harm_budget=bounds.harm_budget,
            until=bounds.until,
            who=who,
            why=why,
            backtest=reports[0].name if reports else None,
        ),
        key=_proposal_key(context.case, request_id),
    )


def proposal(context: StepContext, request_id: str) -> Entry:
    """Return the proposal of a request; raises RequestError when there is none."""
    entry = _find_proposal(context, request_id)
    if entry is None:
        raise RequestError(
            f"{context.case.name} has no proposal {request_id}: run the task `propose` of this run first"
        )
    return entry


def answer(use_case: str, request_id: str, role: str, user: str, choice: Choice) -> None:
    """Record the signed answer of `user` in `role` on the proposal of a request."""
    context = StepContext.load(use_case)
    entry = proposal(context, request_id)
    assert entry.night is not None
    given = Approval(
        use_case=context.case.name,
        night=entry.night,
        role=role,
        user=user,
        choice=choice,
        digest=entry.digest,
        evidence=entry.digest,
    )
    approvals.record(context.engine, approvals.load_key(context.settings), given)


def require_granted(use_case: str, request_id: str) -> StandingApproval:
    """Return the standing approval that a request led to; raises ApprovalError unless every role has approved it."""
    context = StepContext.load(use_case)
    granted = step.grant(context, proposal(context, request_id))
    notifications.send(
        f"{context.case.name}: standing approval",
        f"{granted.digest}, by {' and '.join(granted.approved_by)}: {granted.terms.adoptions} adoptions until "
        f"{granted.terms.until}",
    )
    return granted


def _check(bounds: Bounds, case: UseCase) -> None:
    """Raise RequestError for bounds out of range, or if nothing would guard what is adopted."""
    if case.adoption is None:
        raise RequestError(
            f"{case.name} declares no adoption, so that nothing would guard what is adopted: declare "
            "`adoption=Adoption()`, or approve each model"
        )
    budget, days = case.adoption.harm_budget, (bounds.until - step.today()).days
    for holds, message in (
        (bounds.adoptions >= 1, f"expected 1 or more adoptions, got {bounds.adoptions}"),
        (bounds.nights_between >= 1, f"expected 1 or more nights between two trainings, got {bounds.nights_between}"),
        (
            0 < bounds.harm_budget <= budget,
            f"expected a harm budget above 0, at most the declared {budget:g}, got {bounds.harm_budget:g}",
        ),
        (
            0 <= days <= _LONGEST_DAYS,
            f"expected an end from {step.today()} on, at most {_LONGEST_DAYS} days away, got {bounds.until}",
        ),
    ):
        if not holds:
            raise RequestError(message)


def _find_proposal(context: StepContext, request_id: str) -> Entry | None:
    key = ledger.stored_key(context.engine, context.case.name, _proposal_key(context.case, request_id))
    entries = ledger.entries(context.engine, context.case.name, EntryKind.STANDING_PROPOSED)
    return next((each for each in entries if each.key == key), None)


def _proposal_key(case: UseCase, request_id: str) -> str:
    return f"{case.name}:{EntryKind.STANDING_PROPOSED}:{request_id}"
