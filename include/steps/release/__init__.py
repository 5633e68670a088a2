"""Release: from challenger to champion by acceptance tests, shadow, two approvals, canary and promotion.

Each step continues from the state that the ledger records.
"""

import logging
from dataclasses import dataclass
from datetime import date

from include.steps import release_state
from include.steps.adoption import recheck, standing_proposal
from include.steps.context import NightContext, StepContext
from include.steps.release import acceptance_tests, challengers, freeze, override, shadow_queue, standing_release
from include.steps.release.evidence import render_evidence
from include.stores import approvals, ledger
from include.stores.approvals import Approval, Choice
from include.stores.ledger import NoneSince
from ml.errors import ApprovalError, RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, Frozen, Promoted, ShadowStarted, TrafficShifted
from ml.promotion.gate import CheckStatus
from ml.rollout.state import RolloutState
from ml.usecase import UseCase

__all__ = [
    "approve",
    "approve_standing",
    "is_covered",
    "promote",
    "render_evidence",
    "run_acceptance_tests",
    "shadow",
    "shift_traffic",
]

_CHOICES: dict[str, Choice] = {"Approve": "approved", "Reject": "rejected"}
_LOG = logging.getLogger(__name__)


def run_acceptance_tests(use_case: str, night: str) -> str | None:
    """Run the acceptance tests on the challenger of `night`, and return its digest; None when a check fails.

    The report with every check goes into the ledger under the digest. For a package that has passed, only the golden
    rows are verified again. Raises RequestError when the night has no challenger, and PackageError when the package is
    not the one that was judged.
    """
    context = NightContext.load_night(use_case, night)
    engine, challenger = context.engine, challengers.find(context)
    acceptance_tests.verify_golden_rows(challenger.subject, context.settings)
    if acceptance_tests.passed(engine, challenger):
        return challenger.subject
    checks = acceptance_tests.run(context, challenger)
    outcome = CheckStatus.from_bool(all(each.status is CheckStatus.PASS for each in checks))
    number = len(acceptance_tests.find_reports(engine, challenger)) + 1
    ledger.append(
        engine,
        kind=EntryKind.ACCEPTANCE_TESTED,
        use_case=context.case.name,
        night=context.night,
        subject=challenger.subject,
        payload=AcceptanceTested(outcome=outcome, checks=checks),
        key=f"{context.case.name}:{EntryKind.ACCEPTANCE_TESTED}:{context.night}:{challenger.subject}:{number}",
    )
    return challenger.subject if outcome is CheckStatus.PASS else None


def approve(use_case: str, night: str, role: str, user: str, choice: str) -> None:
    """Record the signed answer of `user` in `role` ("Approve" or "Reject") on the challenger of `night`."""
    context = NightContext.load_night(use_case, night)
    challenger = challengers.find(context)
    answer = Approval(
        use_case=context.case.name,
        night=context.night,
        role=role,
        user=user,
        choice=_choice(choice),
        digest=challenger.subject,
        evidence=challengers.evidence_digest(challenger, context.settings),
    )
    approvals.record(context.engine, approvals.load_key(context.settings), answer)
    if answer.choice == "rejected":
        release_state.sync(context)


def approve_standing(use_case: str, request_id: str, role: str, user: str, choice: str) -> None:
    """Record the signed answer of `user` in `role` ("Approve" or "Reject") on a proposed standing approval."""
    standing_proposal.answer(use_case, request_id, role, user, _choice(choice))


def is_covered(use_case: str, night: str) -> bool:
    """Return whether a standing approval covers the challenger of `night`, so that no person is asked."""
    context = NightContext.load_night(use_case, night)
    coverage = standing_release.cover(challengers.find(context), context)
    if coverage.approval is not None:
        covers = "covers it" if coverage.is_covered else f"does not cover it: {coverage.refusal}"
        _LOG.info("%s: the standing approval %s %s", use_case, coverage.approval.digest[:12], covers)
    return coverage.is_covered


def shadow(use_case: str, night: str) -> bool:
    """Start the challenger of `night` as a shadow, and return whether its approvals may be requested now.

    They are not requested before enough shadow responses were reviewed, for a challenger that is champion already or
    was rejected or aborted, while another release is under way, or while releases are frozen. Without a champion to
    shadow, or if the use case declares no canary, they may be requested at once. Raises LedgerError when another model
    became champion since the challenger was judged.
    """
    context = NightContext.load_night(use_case, night)
    challenger, rollout_state = challengers.find(context), release_state.current(context)
    if rollout_state.champion == challenger.subject:
        release_state.sync(context)
        return _not_now(context.case, challenger, "it is champion already")
    challengers.require_same_champion(challenger, rollout_state.champion)
    if not _needs_canary(context.case, rollout_state):
        return True
    if (active_freeze := freeze.active_freeze(context)) is not None:
        until = ledger_entries.read(active_freeze, Frozen).until
        return _not_now(context.case, challenger, f"releases are frozen until {until}")
    if any(
        challengers.find_entries(challenger, kind, context.settings) for kind in (EntryKind.REJECTED, EntryKind.ABORTED)
    ):
        return _not_now(context.case, challenger, "it was rejected or aborted")
    if rollout_state.challenger is not None and rollout_state.challenger.digest != challenger.subject:
        return _not_now(context.case, challenger, f"the release of {rollout_state.challenger.digest[:12]} is under way")
    assert challenger.night is not None
    started = ShadowStarted(trained_night=challenger.night)
    _append(context, challenger, EntryKind.SHADOW_STARTED, started)
    release_state.sync(context)
    if context.case.release.min_shadow_rows and not challengers.find_entries(
        challenger, EntryKind.SHADOW_REVIEWED, context.settings
    ):
        return _not_now(
            context.case,
            challenger,
            f"it stays a shadow until {context.case.release.min_shadow_rows} of its responses are logged",
        )
    return True


def shift_traffic(use_case: str, night: str) -> bool:
    """Give the challenger of `night` its first share of the entities; return True if it is to be promoted at once.

    Raises ApprovalError unless both roles approved this package on this evidence, each by another person, or a standing
    approval covers it. Raises LedgerError while releases are frozen, when the package has not passed its acceptance
    tests, and when another model became champion since it was judged.
    """
    context = NightContext.load_night(use_case, night)
    challenger, rollout_state = challengers.find(context), release_state.current(context)
    if not _needs_canary(context.case, rollout_state):
        return True
    approved = _check_approved(context, challenger, rollout_state)
    assert challenger.night is not None
    shift = TrafficShifted(
        trained_night=challenger.night,
        share=context.case.release.shares[0],
        approved_by=approved.users,
        evidence=approved.evidence,
        standing=approved.standing,
    )
    _append(context, challenger, EntryKind.TRAFFIC_SHIFTED, shift, approved.condition)
    release_state.sync(context)
    return False


def promote(use_case: str, night: str, *, canary_night: date | None = None) -> str:
    """Make the challenger of `night` champion, and return its digest; servers and the registry follow.

    The promotion is recorded as of `night` or, after a canary, of `canary_night`, the night on which it ended. Raises
    ApprovalError and LedgerError as `shift_traffic` does, and LedgerError when the challenger has not passed the canary
    that the use case declares.
    """
    context = NightContext.load_night(use_case, night)
    challenger, rollout_state = challengers.find(context), release_state.current(context)
    if rollout_state.champion != challenger.subject:
        approved = _check_approved(context, challenger, rollout_state)
        if _needs_canary(context.case, rollout_state):
            challengers.require_passed(challenger, context)
        champion = ledger.champion(context.engine, context.case.name)
        ledger.append(
            context.engine,
            kind=EntryKind.PROMOTED,
            use_case=context.case.name,
            night=canary_night or context.night,
            subject=challenger.subject,
            payload=Promoted(
                approved_by=approved.users,
                evidence=approved.evidence,
                canary_night=canary_night,
                standing=approved.standing,
            ),
            key=f"{context.case.name}:{EntryKind.PROMOTED}:after:{champion.seq if champion else 0}",
            condition=approved.condition,
        )
    release_state.sync(context)
    return challenger.subject


def _choice(option: str) -> Choice:
    if option not in _CHOICES:
        raise RequestError(f"expected one of {sorted(_CHOICES)}, got {option!r}")
    return _CHOICES[option]


def _needs_canary(case: UseCase, rollout_state: RolloutState) -> bool:
    """Return whether a challenger must pass a canary before it is promoted."""
    return case.release.canary is not None and rollout_state.champion is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Approved:
    """The users who approved, and the digest of the evidence.

    `standing` is the standing approval that they gave, None if they approved this package on this evidence. What is
    recorded on its strength must satisfy `condition`.
    """

    users: tuple[str, ...]
    evidence: str
    standing: str | None = None
    condition: NoneSince | None = None


def _check_approved(context: StepContext, challenger: Entry, rollout_state: RolloutState) -> _Approved:
    """Return who approved which evidence; raises unless every precondition of a promotion holds."""
    freeze.require_unfrozen(context)
    challengers.require_tested(challenger, context.settings)
    if override.active(context.engine, challenger) is None:
        recheck.require_admissible(challenger, context)
        shadow_queue.require_shown_better(challenger, context)
    challengers.require_same_champion(challenger, rollout_state.champion)
    evidence = challengers.evidence_digest(challenger, context.settings)
    try:
        users = tuple(each.user for each in challengers.check_approvals(challenger, context))
    except ApprovalError as error:
        coverage = standing_release.cover(challenger, context)
        if coverage.approval is None:
            raise
        if not coverage.is_covered:
            raise ApprovalError(f"{error}. The standing approval does not cover it: {coverage.refusal}") from None
        return _Approved(
            users=coverage.approval.approved_by,
            evidence=evidence,
            standing=coverage.approval.digest,
            condition=coverage.condition,
        )
    return _Approved(users=users, evidence=evidence)


def _append(
    context: StepContext,
    challenger: Entry,
    kind: EntryKind,
    payload: ShadowStarted | TrafficShifted,
    condition: NoneSince | None = None,
) -> None:
    """Append the challenger's entry of `kind` unless it exists."""
    if challengers.find_entries(challenger, kind, context.settings):
        return
    assert challenger.night is not None
    ledger.append(
        context.engine,
        kind=kind,
        use_case=context.case.name,
        night=release_state.latest_night(context, challenger.night),
        subject=challenger.subject,
        payload=payload,
        key=f"{context.case.name}:{kind}:{challenger.seq}",
        condition=condition,
    )


def _not_now(case: UseCase, challenger: Entry, reason: str) -> bool:
    _LOG.info("%s: no approval of %s is requested now: %s", case.name, challenger.subject[:12], reason)
    return False
