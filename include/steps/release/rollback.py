"""Rollback: at a person's request, return at once to the last champion that was not itself rolled back."""

from include import notifications
from include.steps import justification, release_state
from include.steps.context import StepContext
from include.stores import ledger
from ml.errors import RequestError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import Aborted, EntryKind, RolledBack
from ml.rollout.state import RolloutState
from ml.usecase import Permission, UseCase


def roll_back(use_case: str, who: str, why: str, request_id: str) -> Entry:
    """Abort the release under way, or else make the previous champion champion again; return the ledger entry.

    Servers and the registry follow. A repeated `request_id` changes nothing more. Raises RequestError without a name or
    a reason, for a person without permission (`ml.usecase.Roles`), and when there is nothing to roll back to.
    """
    context = StepContext.load(use_case)
    justification.check("a rollback", who, why)
    context.case.roles.check_permission(Permission.ROLL_BACK, who)
    key = f"{context.case.name}:rollback:{request_id}"
    stored_key = ledger.stored_key(context.engine, context.case.name, key)
    existing = [each for each in ledger.entries(context.engine, context.case.name) if each.key == stored_key]
    entry = existing[0] if existing else _append(context, release_state.current(context), who, why, key)
    release_state.sync(context)
    notifications.send(f"{context.case.name}: {entry.kind}", f"{entry.subject} ({who}: {why})")
    return entry


def _append(context: StepContext, rollout_state: RolloutState, who: str, why: str, key: str) -> Entry:
    kind, subject, payload = _step_back(context.case, rollout_state, who, why)
    engine = context.engine
    promotion = ledger.champion(engine, context.case.name)
    assert promotion is not None
    assert promotion.night is not None
    return ledger.append(
        engine,
        kind=kind,
        use_case=context.case.name,
        night=release_state.latest_night(context, promotion.night),
        subject=subject,
        payload=payload,
        key=key,
    )


def _step_back(
    case: UseCase, rollout_state: RolloutState, who: str, why: str
) -> tuple[EntryKind, str, Aborted | RolledBack]:
    """Return kind, subject and payload of the entry; raises RequestError when there is nothing to roll back to."""
    if rollout_state.challenger is not None:
        return EntryKind.ABORTED, rollout_state.challenger.digest, Aborted(who=who, why=why)
    if rollout_state.champion is None or rollout_state.standby is None:
        raise RequestError(
            f"{case.name} has no champion to go back to: it had {len(set(rollout_state.champions))}, of which "
            f"{len(rollout_state.rolled_back)} were rolled back from; train another model"
        )
    return (
        EntryKind.ROLLED_BACK,
        rollout_state.standby,
        RolledBack(who=who, why=why, from_package=rollout_state.champion),
    )
