"""Challenger to champion: battery, shadow, two approvals, canary, promotion; each step does what the ledger has next."""

import logging
from dataclasses import asdict
from datetime import date

from include import usecases
from include.settings import Settings, load_settings
from include.steps import release_state
from include.steps.release import acceptance_tests as batteries
from include.steps.release import challengers, freeze
from include.steps.release.evidence import dossier
from include.stores import approvals, ledger, warehouse
from include.stores.approvals import Approval, Choice
from ml import periods
from ml.errors import RequestError
from ml.governance.hash_chain import Entry, Json
from ml.promotion.gate import Answer
from ml.rollout.state import Kind, Standing
from ml.usecase import UseCase

__all__ = ["approve", "battery", "dossier", "promote", "shadow", "shift"]

_CHOICES: dict[str, Choice] = {"Approve": "approved", "Reject": "rejected"}
_LOG = logging.getLogger(__name__)


def battery(use_case: str, night: str) -> str | None:
    """Try the challenger of `night` as it would be served, and return its digest; None when a check refuses it.

    The report, with every check, goes into the ledger, bound to the digest; a package that passed is only loaded again.
    Raises RequestError when that night has no challenger, PackageError when the package is not what was judged.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    engine, challenger = warehouse.engine(settings.warehouse_url), challengers.find(case, when, settings)
    batteries.served(challenger.subject, settings)
    if batteries.passed(engine, challenger):
        return challenger.subject
    checks = batteries.run(case, when, challenger, settings)
    outcome = Answer.of(all(each.answer is Answer.PASS for each in checks))
    ledger.append(
        engine,
        kind=batteries.TESTED,
        use_case=case.name,
        night=when,
        subject=challenger.subject,
        payload={"outcome": outcome, "checks": [asdict(each) for each in checks]},
        key=f"{case.name}:tested:{when}:{challenger.subject}:{len(batteries.tested(engine, challenger)) + 1}",
    )
    return challenger.subject if outcome is Answer.PASS else None


def approve(use_case: str, night: str, role: str, user: str, choice: str) -> None:
    """Write what `user` answered in `role` ("Approve" or "Reject"), signed, for the challenger of `night`."""
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    if choice not in _CHOICES:
        raise RequestError(f"expected one of {sorted(_CHOICES)}, got {choice!r}")
    challenger = challengers.find(case, when, settings)
    answer = Approval(
        use_case=case.name,
        night=when,
        role=role,
        user=user,
        choice=_CHOICES[choice],
        digest=challenger.subject,
        evidence=challengers.evidence(challenger, settings),
    )
    approvals.record(warehouse.engine(settings.warehouse_url), approvals.load_key(settings), answer)


def shadow(use_case: str, night: str) -> bool:
    """Let the challenger of `night` answer copies, and return whether two people may be asked about it by now.

    Nobody is asked before enough answers were seen, nor about one that was rejected or withdrawn, nor while another
    release is under way or releases are frozen. Where there is no champion to shadow, or the use case wants no canary, they may be at once.
    Raises LedgerError when another model became champion since the challenger was judged.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger, stood = challengers.find(case, when, settings), release_state.now(case, settings)
    if stood.champion == challenger.subject:
        release_state.follow(case, settings)
        return _no(case, challenger, "it is champion already")
    challengers.require_same_champion(challenger, stood.champion)
    if not _is_tried(case, stood):
        return True
    if (held := freeze.holding(case, settings)) is not None:
        return _no(case, challenger, f"releases are frozen until {held.payload['until']}")
    if any(challengers.told(challenger, kind, settings) for kind in (Kind.REJECTED, Kind.WITHDRAWN)):
        return _no(case, challenger, "it was rejected or withdrawn")
    if stood.trial is not None and stood.trial.digest != challenger.subject:
        return _no(case, challenger, f"the release of {stood.trial.digest[:12]} is under way")
    _append(case, challenger, Kind.SHADOWED, {}, settings)
    release_state.follow(case, settings)
    if case.release.shadow_answers and not challengers.told(challenger, Kind.SEEN, settings):
        return _no(case, challenger, f"it answers copies until {case.release.shadow_answers} of them were seen")
    return True


def shift(use_case: str, night: str) -> bool:
    """Give the challenger of `night` its first share of the entities; return True where it is to be promoted at once.

    Raises ApprovalError unless both roles approved these bytes on this evidence, each by another person, and LedgerError
    when they have not passed their battery, or another model became champion since they were judged.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger, stood = challengers.find(case, when, settings), release_state.now(case, settings)
    if not _is_tried(case, stood):
        return True
    promise = _promised(case, challenger, stood, settings)
    share = case.release.shares[0]
    _append(case, challenger, Kind.SHIFTED, {"share": share, **promise}, settings)
    release_state.follow(case, settings)
    return False


def promote(use_case: str, night: str, *, canary: date | None = None) -> str:
    """Make the challenger of `night` champion, as of that night or of the one at which its `canary` ended; return its digest.

    Servers and the registry follow. Raises ApprovalError and LedgerError as `shift` does, and LedgerError when it has not
    passed the canary that the use case asks for.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger, stood = challengers.find(case, when, settings), release_state.now(case, settings)
    if stood.champion != challenger.subject:
        promise = _promised(case, challenger, stood, settings)
        if _is_tried(case, stood):
            challengers.require_passed(challenger, case, settings)
        champion = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
        ledger.append(
            warehouse.engine(settings.warehouse_url),
            kind=Kind.PROMOTED,
            use_case=case.name,
            night=canary or when,
            subject=challenger.subject,
            payload=promise | ({"canary": str(canary)} if canary else {}),
            key=f"{case.name}:promoted:after:{champion.seq if champion else 0}",
        )
    release_state.follow(case, settings)
    return challenger.subject


def _is_tried(case: UseCase, stood: Standing) -> bool:
    """Return whether a challenger must answer for some before it answers for all."""
    return case.release.canary is not None and stood.champion is not None


def _promised(case: UseCase, challenger: Entry, stood: Standing, settings: Settings) -> dict[str, Json]:
    """Return who approved of what, once everything holds that must."""
    freeze.require_none(case, settings)
    challengers.require_tested(challenger, settings)
    given = challengers.approved(challenger, case, settings)
    challengers.require_same_champion(challenger, stood.champion)
    return {"approved_by": [each.user for each in given], "evidence": challengers.evidence(challenger, settings)}


def _append(case: UseCase, challenger: Entry, kind: Kind, payload: dict[str, Json], settings: Settings) -> None:
    """Write once that the challenger came to where an entry of `kind` brings it."""
    if challengers.told(challenger, kind, settings):
        return
    assert challenger.night is not None
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=kind,
        use_case=case.name,
        night=release_state.latest(case, challenger.night, settings),
        subject=challenger.subject,
        payload={"trained": str(challenger.night), **payload},
        key=f"{case.name}:{kind}:{challenger.seq}",
    )


def _no(case: UseCase, challenger: Entry, why: str) -> bool:
    _LOG.info("%s: nobody is asked about %s: %s", case.name, challenger.subject[:12], why)
    return False
