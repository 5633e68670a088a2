"""The challenger under way, judged by all that it and the champion have answered since, and what follows from that."""

from dataclasses import asdict
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps import release, release_state
from include.steps.release import freeze
from include.steps.score import prediction_log
from include.stores import ledger, packages, warehouse
from include.stores.warehouse import Alert
from ml import periods, targets
from ml.arrays import Floats
from ml.governance.hash_chain import Json
from ml.ingestion.availability import NIGHT
from ml.packaging import package_files
from ml.rollout import canary, state
from ml.rollout.canary import Answers, Outcome, Rows, Scores, Seen, Verdict
from ml.rollout.routing import Route
from ml.rollout.state import Kind, Standing, Trial
from ml.targets import Target
from ml.usecase import UseCase

Next = Literal["ask", "crown"]
_ROW = ["request", "place"]
_STAGE_SECONDS = 1e10  # more than any clock tells: what a later stage answered comes after all of an earlier one


def advance(use_case: str, night: str) -> Next | None:
    """Move the release under way as far as it has come by `night`, and return what is to be done about it, if anything.

    "ask": enough was seen of the shadow, and two people are to be asked; "crown": the challenger is champion. Judging a
    night again changes nothing more.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    prediction_log.drain(use_case)
    stood = release_state.now(case, settings)
    if stood.trial is None or case.release.canary is None:
        return "crown" if _crowned(case, when, settings) else None
    found = _given(case, stood.trial, settings)
    if not stood.trial.share:
        return _look(case, stood, found, when, settings)
    verdict = canary.judge(
        _seen(case, stood, found, when, settings),
        case.release.canary,
        target=_target(case, stood, settings),
        budget=case.latency_budget,
        matured_share=case.matured_share,
    )
    return _follow(case, stood.trial, verdict, when, settings)


def trained(use_case: str) -> str:
    """Return the night as of which the challenger under way was trained."""
    trial = release_state.now(usecases.get(use_case), load_settings()).trial
    assert trial is not None
    return str(trial.night)


def _crowned(case: UseCase, night: date, settings: Settings) -> bool:
    """Return whether `when` is the night at which a canary made its challenger champion."""
    promoted = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
    return promoted is not None and promoted.payload.get("canary") == str(night)


def _given(case: UseCase, trial: Trial, settings: Settings) -> pd.DataFrame:
    """Return every answer since the challenger became a shadow, with the `stage` that it had come to, the shadow's 0."""
    first = trial.stages[0]
    found = prediction_log.given(case, first.night, first.at, settings)
    batch = found["protocol"] == prediction_log.BATCH
    stage = sum(
        np.where(batch, found[NIGHT] > str(each.night), found["at"] >= each.at.timestamp()).astype(int)
        for each in trial.stages[1:]
    )
    later = _STAGE_SECONDS * np.asarray(stage)
    return found.assign(stage=stage, at=found["at"] + later, latency_ms=found["latency_ms"].where(~batch, 0.0))


def _look(case: UseCase, stood: Standing, found: pd.DataFrame, night: date, settings: Settings) -> Next | None:
    """Write what was seen of the shadow once that is enough, and ask."""
    assert stood.trial is not None
    engine = warehouse.engine(settings.warehouse_url)
    seen = [
        each
        for each in ledger.entries(engine, case.name, Kind.SEEN, subject=stood.trial.digest)
        if each.seq > stood.trial.release
    ]
    if seen:
        return "ask" if seen[0].night == night else None
    copies = found[found["package"] == stood.trial.digest]
    if len(copies) < case.release.shadow_answers or not len(copies):
        return None
    told = _told(stood, found, copies, _target(case, stood, settings))
    _append(case, stood.trial, Kind.SEEN, night, told, settings)
    return "ask"


def _told(stood: Standing, found: pd.DataFrame, copies: pd.DataFrame, target: Target) -> dict[str, Json]:
    """Return what an approver is told of the shadow."""
    scores = _scores(stood, found)
    ours, theirs = scores.canary[scores.known], scores.champion[scores.known]
    others = target.likeness.otherwise(ours, theirs)
    return {
        "answers": len(copies),
        "faults": int(copies["fault"].notna().sum()),
        "difference": float(np.abs(ours - theirs).mean()) if len(ours) else 0.0,
        "decisions": float(others.mean()) if len(ours) else 0.0,
    }


def _target(case: UseCase, stood: Standing, settings: Settings) -> Target:
    """Return what is asked for, as the champion's package tells it."""
    assert stood.champion is not None
    return targets.told(case, package_files.facts(packages.get(settings.packages, stood.champion, settings.trusted_keys)))


def _follow(case: UseCase, trial: Trial, verdict: Verdict, night: date, settings: Settings) -> Next | None:
    """Do what the verdict says: back, on to the next share unless releases are frozen, or wait."""
    told: dict[str, Json] = {"share": trial.share, "reason": verdict.reason, "checks": _checks(verdict)}
    if verdict.outcome is Outcome.GO_ON or (verdict.outcome is Outcome.ENOUGH and freeze.holding(case, settings)):
        return None
    if verdict.outcome is Outcome.WORSE:
        _append(case, trial, Kind.WITHDRAWN, night, told, settings)
        _alert(case, trial, verdict, night, settings)
        release_state.follow(case, settings)
        return None
    _append(case, trial, Kind.PASSED, night, told, settings)
    share = state.next_share(case.release.shares, trial.share)
    if share is None:
        release.promote(case.name, str(trial.night), canary=night)
        return "crown"
    _append(case, trial, Kind.SHIFTED, night, {"share": share}, settings)
    release_state.follow(case, settings)
    return None


def _checks(verdict: Verdict) -> list[Json]:
    return [asdict(each) for each in verdict.checks]


def _append(case: UseCase, trial: Trial, kind: Kind, night: date, payload: dict[str, Json], settings: Settings) -> None:
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=kind,
        use_case=case.name,
        night=night,
        subject=trial.digest,
        payload={"trained": str(trial.night), **payload},
        key=f"{case.name}:{kind}:{trial.release}:{trial.share}",
    )


def _alert(case: UseCase, trial: Trial, verdict: Verdict, night: date, settings: Settings) -> None:
    message = f"package {trial.digest[:12]} was withdrawn at a share of {trial.share:g}: {verdict.reason}"
    warehouse.raise_alert(
        warehouse.engine(settings.warehouse_url),
        Alert(use_case=case.name, night=night, kind="canary", subject=trial.digest, message=message),
    )


def _seen(case: UseCase, stood: Standing, found: pd.DataFrame, night: date, settings: Settings) -> Seen:
    assert stood.trial is not None
    since = found[found["stage"] > 0]
    began = _STAGE_SECONDS * (len(stood.trial.stages) - 1)
    return Seen(
        share=stood.trial.share,
        began=began,
        canary=_answered(since, Route.CANARY),
        champion=_answered(since, Route.CHAMPION),
        rows=_rows(case, stood, since, night, settings),
        shadow=_scores(stood, found[found["stage"] == 0]),
    )


def _answered(found: pd.DataFrame, route: Route) -> Answers:
    """Return the requests that were answered on `route`, each once."""
    requests = found[found["route"] == route].groupby("request", sort=False)
    told = requests.agg(at=("at", "first"), latency_ms=("latency_ms", "first"), fault=("fault", "first"))
    return Answers(
        at=told["at"].to_numpy(np.float64),
        latency_ms=told["latency_ms"].to_numpy(np.float64),
        faulty=told["fault"].notna().to_numpy(),
    )


def _rows(case: UseCase, stood: Standing, found: pd.DataFrame, night: date, settings: Settings) -> Rows:
    pairs = _pairs(found)
    known = warehouse.labels(warehouse.engine(settings.warehouse_url), case.name, case.horizon.cutoff(night))
    labels = pairs["entity"].map(known.set_index("entity")["label"])
    return Rows(
        scores=_paired(stood, pairs),
        labels=labels.to_numpy(np.float64),
        nights=pairs[NIGHT].astype(str).to_numpy(object),
        by_canary=(pairs["canary"] > 0).to_numpy(),
    )


def _scores(stood: Standing, found: pd.DataFrame) -> Scores:
    return _paired(stood, _pairs(found))


def _pairs(found: pd.DataFrame) -> pd.DataFrame:
    """Return each row that was asked, in order, with the score of either package and whether the canary answered."""
    ordered = found.sort_values("at", kind="stable")
    answered = ordered.assign(canary=(ordered["route"] == Route.CANARY) & ordered["fault"].isna())
    rows = answered.groupby(_ROW, sort=False)
    told = rows.agg(entity=("entity", "first"), night=(NIGHT, "first"), canary=("canary", "sum"))
    scores: Any = ordered.groupby([*_ROW, "package"], sort=False)["score"].first().unstack("package")
    return told.join(scores)


def _paired(stood: Standing, pairs: pd.DataFrame) -> Scores:
    assert stood.trial is not None

    def column(digest: str | None) -> Floats:
        return np.asarray(pairs[digest] if digest in pairs else np.full(len(pairs), np.nan), np.float64)

    return Scores(champion=column(stood.champion), canary=column(stood.trial.digest))
