"""Challenger to champion: battery, shadow, two approvals, canary, promotion; each step does what the ledger has next."""

import logging
from dataclasses import asdict
from datetime import date

from include import usecases
from include.settings import Settings, load_settings
from include.steps import release_state
from include.steps.release import acceptance_tests as batteries
from include.steps.release import challengers, freeze
from include.steps.release.evidence import render_evidence
from include.stores import approvals, ledger, warehouse
from include.stores.approvals import Approval, Choice
from ml import periods
from ml.errors import RequestError
from ml.governance.hash_chain import Entry, Json
from ml.promotion.gate import CheckStatus
from ml.rollout.state import ReleaseEvent, RolloutState
from ml.usecase import UseCase

__all__ = ["approve", "promote", "render_evidence", "run_acceptance_tests", "shadow", "shift_traffic"]

_CHOICES: dict[str, Choice] = {"Approve": "approved", "Reject": "rejected"}
_LOG = logging.getLogger(__name__)


def run_acceptance_tests(use_case: str, night: str) -> str | None:
    """Try the challenger of `night` as it would be served, and return its digest; None when a check refuses it.

    The report, with every check, goes into the ledger, bound to the digest; a package that passed is only loaded again.
    Raises RequestError when that night has no challenger, PackageError when the package is not what was judged.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    engine, challenger = warehouse.engine(settings.warehouse_url), challengers.find(case, night_date, settings)
    batteries.verify_golden_rows(challenger.subject, settings)
    if batteries.passed(engine, challenger):
        return challenger.subject
    checks = batteries.run(case, night_date, challenger, settings)
    outcome = CheckStatus.from_bool(all(each.status is CheckStatus.PASS for each in checks))
    ledger.append(
        engine,
        kind=batteries.TESTED,
        use_case=case.name,
        night=night_date,
        subject=challenger.subject,
        payload={"outcome": outcome, "checks": [asdict(each) for each in checks]},
        key=f"{case.name}:tested:{night_date}:{challenger.subject}:{len(batteries.find_reports(engine, challenger)) + 1}",
    )
    return challenger.subject if outcome is CheckStatus.PASS else None


def approve(use_case: str, night: str, role: str, user: str, choice: str) -> None:
    """Write what `user` answered in `role` ("Approve" or "Reject"), signed, for the challenger of `night`."""
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    if choice not in _CHOICES:
        raise RequestError(f"expected one of {sorted(_CHOICES)}, got {choice!r}")
    challenger = challengers.find(case, night_date, settings)
    answer = Approval(
        use_case=case.name,
        night=night_date,
        role=role,
        user=user,
        choice=_CHOICES[choice],
        digest=challenger.subject,
        evidence=challengers.evidence_digest(challenger, settings),
    )
    approvals.record(warehouse.engine(settings.warehouse_url), approvals.load_key(settings), answer)


def shadow(use_case: str, night: str) -> bool:
    """Let the challenger of `night` answer copies, and return whether two people may be asked about it by now.

    Nobody is asked before enough answers were seen, nor about one that was rejected or withdrawn, nor while another
    release is under way or releases are frozen. Where there is no champion to shadow, or the use case wants no canary, they may be at once.
    Raises LedgerError when another model became champion since the challenger was judged.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger, rollout_state = challengers.find(case, night_date, settings), release_state.current(case, settings)
    if rollout_state.champion == challenger.subject:
        release_state.sync(case, settings)
        return _not_now(case, challenger, "it is champion already")
    challengers.require_same_champion(challenger, rollout_state.champion)
    if not _needs_canary(case, rollout_state):
        return True
    if (active_freeze := freeze.active_freeze(case, settings)) is not None:
        return _not_now(case, challenger, f"releases are frozen until {active_freeze.payload['until']}")
    if any(
        challengers.find_entries(challenger, kind, settings) for kind in (ReleaseEvent.REJECTED, ReleaseEvent.ABORTED)
    ):
        return _not_now(case, challenger, "it was rejected or withdrawn")
    if rollout_state.challenger is not None and rollout_state.challenger.digest != challenger.subject:
        return _not_now(case, challenger, f"the release of {rollout_state.challenger.digest[:12]} is under way")
    _append(case, challenger, ReleaseEvent.SHADOW_STARTED, {}, settings)
    release_state.sync(case, settings)
    if case.release.min_shadow_rows and not challengers.find_entries(
        challenger, ReleaseEvent.SHADOW_REVIEWED, settings
    ):
        return _not_now(case, challenger, f"it answers copies until {case.release.min_shadow_rows} of them were seen")
    return True


def shift_traffic(use_case: str, night: str) -> bool:
    """Give the challenger of `night` its first share of the entities; return True where it is to be promoted at once.

    Raises ApprovalError unless both roles approved these bytes on this evidence, each by another person, and LedgerError
    when they have not passed their battery, or another model became champion since they were judged.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger, rollout_state = challengers.find(case, night_date, settings), release_state.current(case, settings)
    if not _needs_canary(case, rollout_state):
        return True
    approval_payload = _approval_payload(case, challenger, rollout_state, settings)
    share = case.release.shares[0]
    _append(case, challenger, ReleaseEvent.TRAFFIC_SHIFTED, {"share": share, **approval_payload}, settings)
    release_state.sync(case, settings)
    return False


def promote(use_case: str, night: str, *, canary_night: date | None = None) -> str:
    """Make the challenger of `night` champion, as of that night or of the one at which its `canary` ended; return its digest.

    Servers and the registry follow. Raises ApprovalError and LedgerError as `shift` does, and LedgerError when it has not
    passed the canary that the use case asks for.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger, rollout_state = challengers.find(case, night_date, settings), release_state.current(case, settings)
    if rollout_state.champion != challenger.subject:
        approval_payload = _approval_payload(case, challenger, rollout_state, settings)
        if _needs_canary(case, rollout_state):
            challengers.require_passed(challenger, case, settings)
        champion = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
        ledger.append(
            warehouse.engine(settings.warehouse_url),
            kind=ReleaseEvent.PROMOTED,
            use_case=case.name,
            night=canary_night or night_date,
            subject=challenger.subject,
            payload=approval_payload | ({"canary": str(canary_night)} if canary_night else {}),
            key=f"{case.name}:promoted:after:{champion.seq if champion else 0}",
        )
    release_state.sync(case, settings)
    return challenger.subject


def _needs_canary(case: UseCase, rollout_state: RolloutState) -> bool:
    """Return whether a challenger must answer for some before it answers for all."""
    return case.release.canary is not None and rollout_state.champion is not None


def _approval_payload(
    case: UseCase, challenger: Entry, rollout_state: RolloutState, settings: Settings
) -> dict[str, Json]:
    """Return who approved of what, once everything holds that must."""
    freeze.require_unfrozen(case, settings)
    challengers.require_tested(challenger, settings)
    valid_approvals = challengers.check_approvals(challenger, case, settings)
    challengers.require_same_champion(challenger, rollout_state.champion)
    return {
        "approved_by": [each.user for each in valid_approvals],
        "evidence": challengers.evidence_digest(challenger, settings),
    }


def _append(case: UseCase, challenger: Entry, kind: ReleaseEvent, payload: dict[str, Json], settings: Settings) -> None:
    """Write once that the challenger came to where an entry of `kind` brings it."""
    if challengers.find_entries(challenger, kind, settings):
        return
    assert challenger.night is not None
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=kind,
        use_case=case.name,
        night=release_state.latest_night(case, challenger.night, settings),
        subject=challenger.subject,
        payload={"trained": str(challenger.night), **payload},
        key=f"{case.name}:{kind}:{challenger.seq}",
    )


def _not_now(case: UseCase, challenger: Entry, reason: str) -> bool:
    _LOG.info("%s: nobody is asked about %s: %s", case.name, challenger.subject[:12], reason)
    return False
