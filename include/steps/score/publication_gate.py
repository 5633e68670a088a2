"""May a night's scores be issued? The judgement, written down; what was withheld, a person may let go."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date

import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps import justification
from include.steps.score.batch_prediction import Answered
from include.stores import lake, ledger, warehouse
from include.stores.warehouse import Alert
from ml import periods
from ml.errors import RefusalError, RequestError
from ml.governance import hash_chain
from ml.governance.hash_chain import Entry, Json
from ml.periods import Period
from ml.scoring import publication_gate
from ml.scoring.publication_gate import Verdict
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import UseCase

ISSUED, WITHHELD, WAIVED = "issued", "withheld", "waived"
_STAGE, _TABLE = "profiles", "issued"


def require(case: UseCase, night: date, answered: Answered, champion: str, settings: Settings) -> None:
    """Judge a night's answers beside the nights issued before it and write that down; return when they may be issued.

    Raises RefusalError, with what to do, when they are withheld. The same answers are judged the same whenever asked.
    """
    batch = answered.among(lake.count(_entities(case, settings), str(night), str(night)))
    usual = publication_gate.usual(list(_before(case, night, settings)), case.issuing)
    verdict = publication_gate.judge(batch, usual, case.issuing)
    told: dict[str, Json] = {"rows": batch.rows, "wrong": batch.wrong, "checks": [asdict(x) for x in verdict.checks]}
    seen = {name: column_profiles.told(each) for name, each in answered.profiles.items()}
    evidence = hashlib.sha256(hash_chain.canonical({"champion": champion, "seen": seen, **told}).encode()).hexdigest()
    waived = _waived(case, night, evidence, settings)
    if verdict.holds and not batch.rows:
        return
    if verdict.holds or waived:
        _write(ISSUED, case, night, champion, told | {"waived_by": waived}, evidence, settings)
        lake.replace(_profiles(case, settings), Period(night, night), _table(night, answered.profiles))
        _tell(case, night, None, settings)
        return
    _write(WITHHELD, case, night, champion, told, evidence, settings)
    message = _refusal(case, night, verdict)
    _tell(case, night, message, settings)
    raise RefusalError(message)


def waive(use_case: str, night: str, who: str, why: str) -> Entry:
    """Write that `who` lets the withheld scores of `night` be issued as they are, and why; scoring it again issues them.

    Good for the very scores that were judged: others are judged anew. Raises RequestError when nothing is withheld, when
    there are scores that are none, or when the words are too few.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    engine = warehouse.engine(settings.warehouse_url)
    decided = [
        each for each in ledger.entries(engine, use_case=case.name, night=when) if each.kind in (ISSUED, WITHHELD)
    ]
    if not decided or decided[-1].kind != WITHHELD:
        raise RequestError(
            f"expected a night of {case.name} whose scores are withheld, got {when}: there is nothing to waive"
        )
    justification.require("a waiver of withheld scores", who, why)
    if decided[-1].payload["wrong"]:
        raise RequestError(
            f"{decided[-1].payload['wrong']} of the scores of {when} are no answer, which nobody can issue: mend the night's "
            f"features or go back to another model, and score it again"
        )
    evidence = str(decided[-1].payload["evidence"])
    return ledger.append(
        engine,
        kind=WAIVED,
        use_case=case.name,
        night=when,
        subject=evidence,
        payload={"who": who, "why": why},
        key=f"{case.name}:{WAIVED}:{when}:{evidence}:{who}",
    )


def _before(case: UseCase, night: date, settings: Settings) -> Iterator[Mapping[str, Profile]]:
    """Yield the profiles of the nights issued last before `night`."""
    uri = _profiles(case, settings)
    last = [each for each in lake.nights(uri) if each < night][-case.issuing.nights :]
    if not last:
        return
    for _, rows in lake.read(uri, str(last[0]), str(last[-1])).groupby("night"):
        yield {name: column_profiles.read(text) for name, text in zip(rows["name"], rows["profile"], strict=True)}


def _table(night: date, found: Mapping[str, Profile]) -> pd.DataFrame:
    rows = [{"night": str(night), "name": name, "profile": column_profiles.told(each)} for name, each in found.items()]
    return pd.DataFrame(rows)


def _waived(case: UseCase, night: date, evidence: str, settings: Settings) -> str | None:
    """Return who waived the bars for these very scores; None when nobody did."""
    engine = warehouse.engine(settings.warehouse_url)
    given = ledger.entries(engine, use_case=case.name, kind=WAIVED, night=night, subject=evidence)
    return str(given[-1].payload["who"]) if given else None


def _write(
    kind: str,
    case: UseCase,
    night: date,
    champion: str,
    told: Mapping[str, Json],
    evidence: str,
    settings: Settings,
) -> None:
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=kind,
        use_case=case.name,
        night=night,
        subject=champion,
        payload={**told, "evidence": evidence},
        key=f"{case.name}:{kind}:{night}:{evidence}",
    )


def _tell(case: UseCase, night: date, message: str | None, settings: Settings) -> None:
    told = (
        []
        if message is None
        else [Alert(use_case=case.name, night=night, kind=WITHHELD, subject="scores", message=message)]
    )
    warehouse.settle_alerts(warehouse.engine(settings.warehouse_url), case.name, night, (WITHHELD,), told)


def _refusal(case: UseCase, night: date, verdict: Verdict) -> str:
    return (
        f"the scores of {case.name} for {night} are withheld, readers keep those of the night before. {verdict.reason}. "
        f"Look at the night's features, mend them and score it again; or, if the world did change, "
        f"`ratchet issue {case.name} {night} --why ...`"
    )


def _entities(case: UseCase, settings: Settings) -> str:
    return lake.address(settings.lake, case.name, "valid", case.entities)


def _profiles(case: UseCase, settings: Settings) -> str:
    return lake.address(settings.lake, case.name, _STAGE, _TABLE)
