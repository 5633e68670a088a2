"""May a night's scores be issued? The judgement, written down; what was withheld, a person may let go."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date

import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps import justification
from include.steps.score.batch_prediction import BatchPredictions
from include.stores import lake, ledger, warehouse
from include.stores.warehouse import Alert
from ml import periods
from ml.errors import RefusalError, RequestError
from ml.governance import hash_chain
from ml.governance.hash_chain import Entry, Json
from ml.periods import Period
from ml.scoring import publication_gate
from ml.scoring.publication_gate import PublicationDecision
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import UseCase

PUBLISHED, HELD_BACK, PUBLICATION_OVERRIDDEN = "issued", "withheld", "waived"
_STAGE, _TABLE = "profiles", "issued"


def check(case: UseCase, night: date, predictions: BatchPredictions, champion: str, settings: Settings) -> None:
    """Judge a night's answers beside the nights issued before it and write that down; return when they may be issued.

    Raises RefusalError, with what to do, when they are withheld. The same answers are judged the same whenever asked.
    """
    batch = predictions.to_batch(lake.count(_entities_address(case, settings), str(night), str(night)))
    usual = publication_gate.build_reference(list(_recent_profiles(case, night, settings)), case.publication)
    verdict = publication_gate.evaluate(batch, usual, case.publication)
    payload: dict[str, Json] = {
        "rows": batch.rows,
        "wrong": batch.invalid,
        "checks": [asdict(x) for x in verdict.checks],
    }
    profile_texts = {name: column_profiles.to_json(each) for name, each in predictions.profiles.items()}
    evidence = hashlib.sha256(
        hash_chain.canonical_json({"champion": champion, "seen": profile_texts, **payload}).encode()
    ).hexdigest()
    overridden_by = _overridden_by(case, night, evidence, settings)
    if verdict.is_publishable and not batch.rows:
        return
    if verdict.is_publishable or overridden_by:
        _write(PUBLISHED, case, night, champion, payload | {"waived_by": overridden_by}, evidence, settings)
        lake.replace(
            _profiles_address(case, settings), Period(night, night), _profile_rows(night, predictions.profiles)
        )
        _settle_alert(case, night, None, settings)
        return
    _write(HELD_BACK, case, night, champion, payload, evidence, settings)
    message = _refusal_message(case, night, verdict)
    _settle_alert(case, night, message, settings)
    raise RefusalError(message)


def override(use_case: str, night: str, who: str, why: str) -> Entry:
    """Write that `who` lets the withheld scores of `night` be issued as they are, and why; scoring it again issues them.

    Good for the very scores that were judged: others are judged anew. Raises RequestError when nothing is withheld, when
    there are scores that are none, or when the words are too few.
    """
    case, as_of, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    engine = warehouse.engine(settings.warehouse_url)
    decisions = [
        each for each in ledger.entries(engine, use_case=case.name, night=as_of) if each.kind in (PUBLISHED, HELD_BACK)
    ]
    if not decisions or decisions[-1].kind != HELD_BACK:
        raise RequestError(
            f"expected a night of {case.name} whose scores are withheld, got {as_of}: there is nothing to waive"
        )
    justification.check("a waiver of withheld scores", who, why)
    if decisions[-1].payload["wrong"]:
        raise RequestError(
            f"{decisions[-1].payload['wrong']} of the scores of {as_of} are no answer, which nobody can issue: mend the night's "
            f"features or go back to another model, and score it again"
        )
    evidence = str(decisions[-1].payload["evidence"])
    return ledger.append(
        engine,
        kind=PUBLICATION_OVERRIDDEN,
        use_case=case.name,
        night=as_of,
        subject=evidence,
        payload={"who": who, "why": why},
        key=f"{case.name}:{PUBLICATION_OVERRIDDEN}:{as_of}:{evidence}:{who}",
    )


def _recent_profiles(case: UseCase, night: date, settings: Settings) -> Iterator[Mapping[str, Profile]]:
    """Yield the profiles of the nights issued last before `night`."""
    uri = _profiles_address(case, settings)
    last = [each for each in lake.nights(uri) if each < night][-case.publication.reference_nights :]
    if not last:
        return
    for _, rows in lake.read(uri, str(last[0]), str(last[-1])).groupby("night"):
        yield {name: column_profiles.from_json(text) for name, text in zip(rows["name"], rows["profile"], strict=True)}


def _profile_rows(night: date, columns: Mapping[str, Profile]) -> pd.DataFrame:
    rows = [
        {"night": str(night), "name": name, "profile": column_profiles.to_json(each)} for name, each in columns.items()
    ]
    return pd.DataFrame(rows)


def _overridden_by(case: UseCase, night: date, evidence: str, settings: Settings) -> str | None:
    """Return who waived the bars for these very scores; None when nobody did."""
    engine = warehouse.engine(settings.warehouse_url)
    entries = ledger.entries(engine, use_case=case.name, kind=PUBLICATION_OVERRIDDEN, night=night, subject=evidence)
    return str(entries[-1].payload["who"]) if entries else None


def _write(
    kind: str,
    case: UseCase,
    night: date,
    champion: str,
    payload: Mapping[str, Json],
    evidence: str,
    settings: Settings,
) -> None:
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=kind,
        use_case=case.name,
        night=night,
        subject=champion,
        payload={**payload, "evidence": evidence},
        key=f"{case.name}:{kind}:{night}:{evidence}",
    )


def _settle_alert(case: UseCase, night: date, message: str | None, settings: Settings) -> None:
    alerts = (
        []
        if message is None
        else [Alert(use_case=case.name, night=night, kind=HELD_BACK, subject="scores", message=message)]
    )
    warehouse.replace_alerts(warehouse.engine(settings.warehouse_url), case.name, night, (HELD_BACK,), alerts)


def _refusal_message(case: UseCase, night: date, verdict: PublicationDecision) -> str:
    return (
        f"the scores of {case.name} for {night} are withheld, readers keep those of the night before. {verdict.reason}. "
        f"Look at the night's features, mend them and score it again; or, if the world did change, "
        f"`ratchet publish {case.name} {night} --why ...`"
    )


def _entities_address(case: UseCase, settings: Settings) -> str:
    return lake.address(settings.lake, case.name, "valid", case.entities)


def _profiles_address(case: UseCase, settings: Settings) -> str:
    return lake.address(settings.lake, case.name, _STAGE, _TABLE)
