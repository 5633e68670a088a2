"""Challenger to champion: the battery, the dossier that two people answer, and the promotion that checks their answers."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from include import settings, usecases
from include.settings import Settings
from include.steps import attempts, override
from include.steps import battery as batteries
from include.stores import approvals, ledger, registry, warehouse
from include.stores.approvals import Approval, Choice
from ml import nights, promotion, targets
from ml.chain import Entry
from ml.errors import LedgerError, RequestError
from ml.promotion import Answer, Outcome
from ml.usecase import UseCase

_CHOICES: dict[str, Choice] = {"Approve": "approved", "Reject": "rejected"}


def battery(use_case: str, night: str) -> str | None:
    """Try the challenger of `night` as it would be served, and return its digest; None when a check refuses it.

    The report, with every check, goes into the ledger, bound to the digest; a package that passed is only loaded again.
    Raises RequestError when that night has no challenger, PackageError when the package is not what was judged.
    """
    case, when, where = usecases.get(use_case), nights.parse(night).last, settings.load()
    engine, challenger = warehouse.engine(where.warehouse_url), _challenger(case, when, where)
    batteries.served(challenger.subject, where)
    if batteries.passed(engine, challenger):
        return challenger.subject
    checks = batteries.run(case, when, challenger, where)
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


def dossier(use_case: str, night: str) -> str:
    """Return what an approver reads, in Markdown, made anew from the ledger."""
    case, when, where = usecases.get(use_case), nights.parse(night).last, settings.load()
    challenger = _challenger(case, when, where)
    told: Mapping[str, Any] = challenger.payload
    gain, judged, checks = told["gain"], told["judged"], told["checks"]
    rows = _rows(checks)
    champion = str(told["champion"] or "none: this is the first")[:23]
    return "\n".join(
        [
            f"**{case.question}**",
            "",
            f"Package `{challenger.subject}`, trained as of {when} because of *{told['trigger']}*; champion: `{champion}`.",
            "",
            f"Judged on {judged['rows']} rows, {' to '.join(judged['nights'])}, by the **{told['bar']}** bar: "
            f"{targets.of(case).words.loss} gain {gain['value']:+.4f}, interval [{gain['low']:+.4f}, {gain['high']:+.4f}].",
            "",
            f"Chosen because {told['choice']}.",
            "",
            *_overridden(challenger, where),
            _unpaid(told),
            "",
            f"Trained and judged on {', '.join(f'`{name}` version {n}' for name, n in told['reads'].items())}.",
            "",
            "| check | number | bar | answer |",
            "|---|---|---|---|",
            *rows,
            "",
            *_battery(challenger, where),
            f"Evidence `{told['evidence']}`. Your answer is bound to this package and this evidence.",
        ]
    )


def _rows(checks: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        f"| {each['name']} | {promotion.shown(each['value'])} | {each['bar']} | {each['answer']} |" for each in checks
    ]


def _battery(challenger: Entry, where: Settings) -> list[str]:
    """Return the lines on how the package did where it was tried as it would be served."""
    reports = batteries.tested(warehouse.engine(where.warehouse_url), challenger)
    if not reports:
        return ["**The battery has not run on this package.**", ""]
    told: Mapping[str, Any] = reports[-1].payload
    head = ["| battery | number | bar | answer |", "|---|---|---|---|"]
    return [f"Battery: **{told['outcome']}**.", "", *head, *_rows(told["checks"]), ""]


def _overridden(challenger: Entry, where: Settings) -> list[str]:
    """Return the paragraph that says by whom the gate was overridden, or nothing."""
    given = override.standing(warehouse.engine(where.warehouse_url), challenger)
    if given is None:
        return []
    told = f"The gate said *{given['outcome']}*: {challenger.payload['reason']}. {given['who']} overrides it until"
    return [f"**OVERRIDDEN.** {told} {given['until']}: {given['why']}", ""]


def _unpaid(told: Mapping[str, Any]) -> str:
    """Return which features cost and do not pay; verdicts of before this was measured do not say."""
    if "not_shown_to_pay" not in told:
        return "What its features are worth was not measured."
    names = ", ".join(f"`{name}`" for name in told["not_shown_to_pay"])
    return f"Features that cost and are not shown to pay: {names or 'none'}; the model card has each one's numbers."


def approve(use_case: str, night: str, role: str, user: str, choice: str) -> None:
    """Write what `user` answered in `role` ("Approve" or "Reject"), signed, for the challenger of `night`."""
    case, when, where = usecases.get(use_case), nights.parse(night).last, settings.load()
    if choice not in _CHOICES:
        raise RequestError(f"expected one of {sorted(_CHOICES)}, got {choice!r}")
    challenger = _challenger(case, when, where)
    answer = Approval(
        use_case=case.name,
        night=when,
        role=role,
        user=user,
        choice=_CHOICES[choice],
        digest=challenger.subject,
        evidence=str(challenger.payload["evidence"]),
    )
    approvals.record(warehouse.engine(where.warehouse_url), approvals.load_key(where), answer)


def promote(use_case: str, night: str) -> str:
    """Make the challenger of `night` champion and return its digest; the registry follows.

    Raises ApprovalError unless both roles approved these bytes on this evidence, each by another person, and LedgerError
    when they have not passed their battery, or another model became champion since they were judged.
    """
    case, when, where = usecases.get(use_case), nights.parse(night).last, settings.load()
    engine = warehouse.engine(where.warehouse_url)
    challenger = _challenger(case, when, where)
    champion = ledger.champion(engine, case.name)
    if champion is None or champion.subject != challenger.subject:
        evidence = str(challenger.payload["evidence"])
        _require_tested(challenger, where)
        given = approvals.check(
            engine, approvals.load_key(where), case.name, when, challenger.subject, evidence, case.release.approvers
        )
        _require_same_champion(challenger, champion)
        ledger.append(
            engine,
            kind=ledger.PROMOTED,
            use_case=case.name,
            night=when,
            subject=challenger.subject,
            payload={"approved_by": [each.user for each in given], "evidence": evidence},
            key=f"{case.name}:promoted:after:{champion.seq if champion else 0}",
        )
    registry.follow(where, case.name)
    return challenger.subject


def _challenger(case: UseCase, when: date, where: Settings) -> Entry:
    engine = warehouse.engine(where.warehouse_url)
    judged = attempts.judged(case, when, where)
    if judged and (judged[-1].payload["outcome"] == Outcome.PROMOTE or override.standing(engine, judged[-1])):
        return judged[-1]
    raise RequestError(
        f"{case.name} has no challenger of {when} that earned a release: train one as of that night first"
    )


def _require_tested(challenger: Entry, where: Settings) -> None:
    if not batteries.passed(warehouse.engine(where.warehouse_url), challenger):
        raise LedgerError(
            f"package {challenger.subject[:12]} has not passed its battery of {challenger.night}: run that task of the "
            "release first; it writes why it refuses"
        )


def _require_same_champion(challenger: Entry, champion: Entry | None) -> None:
    met = challenger.payload["champion"]
    now = None if champion is None else champion.subject
    if met != now:
        raise LedgerError(
            f"package {challenger.subject[:12]} was judged against {str(met)[:12]}, but the champion is {str(now)[:12]} now: "
            "train again, so that it meets the model it would replace"
        )
