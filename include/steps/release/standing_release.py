"""A release under a standing approval: what lets a challenger go on, what happens when it lapses or is revoked."""

from include import notifications
from include.steps import justification, release_state
from include.steps.adoption import standing_approval
from include.steps.adoption.standing_approval import Coverage
from include.steps.context import NightContext, StepContext
from include.steps.release import challengers, override
from include.stores import ledger
from ml.errors import ApprovalError, RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import (
    STANDING_KINDS,
    Aborted,
    EntryKind,
    StandingLapsed,
    StandingRevoked,
    TrafficShifted,
)
from ml.rollout.state import ChallengerRollout
from ml.usecase import Permission


def cover(challenger: Entry, context: StepContext) -> Coverage:
    """Return whether the newest standing approval covers the challenger as of now."""
    is_overridden = override.active(context.engine, challenger) is not None
    return standing_approval.cover(challenger, context, is_overridden=is_overridden)


def lapse(rollout: ChallengerRollout, context: NightContext) -> Entry | None:
    """Return the entry by which the release under way lost its standing approval; None if it has it, or needs none.

    It is appended the first time that the standing approval, under which traffic was shifted, no longer covers the
    challenger. Two people are asked then, and the challenger keeps its share until they answer.
    """
    challenger = challengers.find(context.at(rollout.night))
    standing = relied_on(challenger, context)
    if standing is None:
        return None
    coverage = cover(challenger, context)
    if coverage.is_covered:
        return None
    lapsed = ledger.entries(context.engine, context.case.name, EntryKind.STANDING_LAPSED, subject=challenger.subject)
    earlier = [each for each in lapsed if each.seq > challenger.seq]
    return earlier[0] if earlier else _append_lapse(challenger, rollout, standing, coverage.refusal, context)


def relied_on(challenger: Entry, context: StepContext) -> str | None:
    """Return the standing approval on whose strength traffic was shifted to the challenger.

    None if none was, and if every role has approved the package itself.
    """
    shifts = challengers.find_entries(challenger, EntryKind.TRAFFIC_SHIFTED, context.settings)
    standing = ledger_entries.read(shifts[0], TrafficShifted).standing if shifts else None
    if standing is None:
        return None
    try:
        challengers.check_approvals(challenger, context)
    except ApprovalError:
        return standing
    return None


def revoke(use_case: str, who: str, why: str) -> tuple[str, ...]:
    """Revoke every standing approval that has not ended, also those only proposed; return their digests.

    A release that is under way on the strength of one is aborted, so that its challenger answers nothing from now on.
    The champion stays. Interrupted and run again, it ends in the same state. Raises RequestError when there is nothing
    to revoke, for a person without permission, and without a reason.
    """
    context = StepContext.load(use_case)
    justification.check("a revocation", who, why)
    context.case.roles.check_permission(Permission.RELEASE, who)
    entries = ledger.entries_of_kinds(context.engine, context.case.name, STANDING_KINDS)
    revoked = {each.subject for each in entries if each.kind == EntryKind.STANDING_REVOKED}
    open_proposals = [
        each
        for each in entries
        if each.kind == EntryKind.STANDING_PROPOSED
        and each.digest not in revoked
        and standing_approval.terms(each).until >= standing_approval.today()
    ]
    for each in open_proposals:
        _append_revocation(each, who, why, context)
    newly_revoked = tuple(each.digest for each in open_proposals)
    aborted = _abort_release(revoked.union(newly_revoked), who, why, context)
    if not newly_revoked and not aborted:
        raise RequestError(f"{context.case.name} has no standing approval that could be revoked")
    notifications.send(f"{context.case.name}: {EntryKind.STANDING_REVOKED}", f"{who}: {why}")
    return newly_revoked


def _append_lapse(
    challenger: Entry, rollout: ChallengerRollout, standing: str, reason: str, context: NightContext
) -> Entry:
    return ledger.append(
        context.engine,
        kind=EntryKind.STANDING_LAPSED,
        use_case=context.case.name,
        night=context.night,
        subject=challenger.subject,
        payload=StandingLapsed(trained_night=rollout.night, standing=standing, reason=reason),
        key=f"{context.case.name}:{EntryKind.STANDING_LAPSED}:{rollout.release}",
    )


def _append_revocation(proposed: Entry, who: str, why: str, context: StepContext) -> None:
    ledger.append(
        context.engine,
        kind=EntryKind.STANDING_REVOKED,
        use_case=context.case.name,
        night=proposed.night,
        subject=proposed.digest,
        payload=StandingRevoked(who=who, why=why),
        key=f"{context.case.name}:{EntryKind.STANDING_REVOKED}:{proposed.digest}",
    )


def _abort_release(revoked: set[str], who: str, why: str, context: StepContext) -> bool:
    """Abort the release under way if it relies on a revoked standing approval; return whether it was aborted."""
    rollout = release_state.current(context).challenger
    if rollout is None or relied_on(challengers.find(context.at(rollout.night)), context) not in revoked:
        return False
    ledger.append(
        context.engine,
        kind=EntryKind.ABORTED,
        use_case=context.case.name,
        night=release_state.latest_night(context, rollout.night),
        subject=rollout.digest,
        payload=Aborted(
            trained_night=rollout.night, share=rollout.share, who=who, why=f"its standing approval was revoked: {why}"
        ),
        key=f"{context.case.name}:{EntryKind.ABORTED}:revoked:{rollout.release}",
    )
    release_state.sync(context)
    return True
