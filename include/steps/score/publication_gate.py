"""Decide whether a night's scores may be published, and record the decision; a person may override a refusal."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import pandas as pd

from include.steps import justification
from include.steps.context import NightContext, StepContext
from include.steps.score.batch_prediction import BatchPredictions
from include.stores import lake, ledger, warehouse
from include.stores.warehouse import Alert
from ml.errors import RefusalError, RequestError
from ml.governance import hash_chain, ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, PublicationDecided, PublicationOverridden
from ml.monitoring import publication_gate
from ml.monitoring.publication_gate import PublicationDecision, ScoreBatch
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import UseCase
from ml.usecase.periods import Period

HELD_BACK_ALERT = warehouse.HELD_BACK
_DECISIONS = (EntryKind.SCORES_PUBLISHED, EntryKind.SCORES_HELD_BACK)
STAGE, _TABLE = "profiles", "issued"


def check(context: NightContext, predictions: BatchPredictions, champion: str) -> None:
    """Compare a night's scores with the nights published before it, and record the decision; return if it is positive.

    Raises RefusalError, with the remedy, when the scores are held back. The same scores always get the same decision.
    """
    batch = predictions.to_batch(lake.count(_entities_address(context), str(context.night), str(context.night)))
    usual = publication_gate.build_reference(list(_recent_profiles(context)), context.case.publication)
    verdict = publication_gate.evaluate(batch, usual, context.case.publication)
    decision = PublicationDecided(
        rows=batch.rows,
        invalid=batch.invalid,
        checks=verdict.checks,
        evidence=_evidence(champion, predictions.profiles, batch, verdict),
    )
    overridden_by = _overridden_by(context, decision.evidence)
    if verdict.is_publishable and not batch.rows:
        return
    if verdict.is_publishable or overridden_by:
        published = replace(decision, overridden_by=overridden_by)
        _write(EntryKind.SCORES_PUBLISHED, context, champion, published)
        lake.replace(
            _profiles_address(context),
            Period(context.night, context.night),
            _profile_rows(context.night, predictions.profiles),
        )
        _settle_alert(context, None)
        return
    _write(EntryKind.SCORES_HELD_BACK, context, champion, decision)
    message = _refusal_message(context.case, context.night, verdict)
    _settle_alert(context, message)
    raise RefusalError(message)


def override(use_case: str, night: str, who: str, why: str) -> Entry:
    """Record that `who` lets the held-back scores of `night` be published, and why; scoring the night again does so.

    This applies only to the scores that were checked; other scores are checked again. Raises RequestError when nothing
    is held back, when there are invalid scores, or when the justification is too short.
    """
    context = NightContext.load_night(use_case, night)
    engine = context.engine
    decisions = [
        each for each in ledger.entries_of_kinds(engine, context.case.name, _DECISIONS) if each.night == context.night
    ]
    if not decisions or decisions[-1].kind != EntryKind.SCORES_HELD_BACK:
        raise RequestError(
            f"expected a night of {context.case.name} whose scores are held back, got {context.night}: there is "
            "nothing to override"
        )
    justification.check("an override of held-back scores", who, why)
    decision = ledger_entries.read(decisions[-1], PublicationDecided)
    if decision.invalid:
        raise RequestError(
            f"{decision.invalid} of the scores of {context.night} are invalid, and nobody can publish these: fix the "
            f"night's features or roll back to another model, and score it again"
        )
    return ledger.append(
        engine,
        kind=EntryKind.PUBLICATION_OVERRIDDEN,
        use_case=context.case.name,
        night=context.night,
        subject=decision.evidence,
        payload=PublicationOverridden(who=who, why=why),
        key=f"{context.case.name}:{EntryKind.PUBLICATION_OVERRIDDEN}:{context.night}:{decision.evidence}:{who}",
    )


def _recent_profiles(context: NightContext) -> Iterator[Mapping[str, Profile]]:
    """Yield the profiles of the last nights published before the context's night."""
    uri = _profiles_address(context)
    last = [each for each in lake.nights(uri) if each < context.night][-context.case.publication.reference_nights :]
    if not last:
        return
    for _, rows in lake.read(uri, str(last[0]), str(last[-1])).groupby("night"):
        yield {name: column_profiles.from_json(text) for name, text in zip(rows["name"], rows["profile"], strict=True)}


def _profile_rows(night: date, columns: Mapping[str, Profile]) -> pd.DataFrame:
    rows = [
        {"night": str(night), "name": name, "profile": column_profiles.to_json(each)} for name, each in columns.items()
    ]
    return pd.DataFrame(rows)


def _evidence(champion: str, profiles: Mapping[str, Profile], batch: ScoreBatch, verdict: PublicationDecision) -> str:
    """Return the digest of the scores and checks that the decision is about.

    Idempotency keys and overrides contain it. Its text therefore keeps the field names of the first release, so that
    the same scores of a night have the same digest in every release.
    """
    checks = [
        {"name": each.name, "value": each.value, "bar": each.bar, "answer": each.status} for each in verdict.checks
    ]
    texts = {name: column_profiles.to_json(each) for name, each in profiles.items()}
    return hash_chain.fingerprint(
        {"champion": champion, "seen": texts, "rows": batch.rows, "wrong": batch.invalid, "checks": checks}
    )


def _overridden_by(context: NightContext, evidence: str) -> str | None:
    """Return who overrode the checks for exactly these scores; None when nobody did."""
    engine = context.engine
    entries = ledger.entries(
        engine, use_case=context.case.name, kind=EntryKind.PUBLICATION_OVERRIDDEN, night=context.night, subject=evidence
    )
    return ledger_entries.read(entries[-1], PublicationOverridden).who if entries else None


def _write(kind: EntryKind, context: NightContext, champion: str, decision: PublicationDecided) -> None:
    ledger.append(
        context.engine,
        kind=kind,
        use_case=context.case.name,
        night=context.night,
        subject=champion,
        payload=decision,
        key=f"{context.case.name}:{kind}:{context.night}:{decision.evidence}",
    )


def _settle_alert(context: NightContext, message: str | None) -> None:
    alerts = (
        []
        if message is None
        else [
            Alert(
                use_case=context.case.name, night=context.night, kind=HELD_BACK_ALERT, subject="scores", message=message
            )
        ]
    )
    warehouse.replace_alerts(context.engine, context.case.name, context.night, (HELD_BACK_ALERT,), alerts)


def _refusal_message(case: UseCase, night: date, verdict: PublicationDecision) -> str:
    return (
        f"the scores of {case.name} for {night} are held back; readers keep those of the night before. "
        f"{verdict.reason}. Check the night's features, fix them and score it again; or, if the change is real, "
        f"`ratchet publish {case.name} {night} --why ...`"
    )


def _entities_address(context: StepContext) -> str:
    return lake.address(context.settings.lake, context.case.dataset, "valid", context.case.entities)


def _profiles_address(context: StepContext) -> str:
    return lake.address(context.settings.lake, context.case.name, STAGE, _TABLE)
