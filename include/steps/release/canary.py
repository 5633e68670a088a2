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
from ml.rollout.canary import CanaryObservations, CanaryOutcome, CanaryVerdict, ComparedRows, PairedScores, Responses
from ml.rollout.routing import Route
from ml.rollout.state import ChallengerRollout, ReleaseEvent, RolloutState
from ml.targets import Target
from ml.usecase import UseCase

NextStep = Literal["request_approvals", "announce_champion"]  # tasks of the DAG `canary`
_ROW_KEY = ["request", "place"]
_STAGE_SECONDS = 1e10  # more than any clock tells: what a later stage answered comes after all of an earlier one


def advance(use_case: str, night: str) -> NextStep | None:
    """Move the release under way as far as it has come by `night`, and return what is to be done about it, if anything.

    "request_approvals": enough was seen of the shadow, and two people are to be asked; "announce_champion": the challenger
    is champion. Judging a night again changes nothing more.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    prediction_log.collect(use_case)
    rollout_state = release_state.current(case, settings)
    if rollout_state.challenger is None or case.release.canary is None:
        return "announce_champion" if _was_promoted_at(case, night_date, settings) else None
    predictions = _load_predictions(case, rollout_state.challenger, settings)
    if not rollout_state.challenger.share:
        return _review_shadow(case, rollout_state, predictions, night_date, settings)
    verdict = canary.judge(
        _observations(case, rollout_state, predictions, night_date, settings),
        case.release.canary,
        target=_target(case, rollout_state, settings),
        budget=case.latency_budget,
        matured_share=case.matured_share,
    )
    return _apply_verdict(case, rollout_state.challenger, verdict, night_date, settings)


def trained_night(use_case: str) -> str:
    """Return the night as of which the challenger under way was trained."""
    rollout = release_state.current(usecases.get(use_case), load_settings()).challenger
    assert rollout is not None
    return str(rollout.night)


def _was_promoted_at(case: UseCase, night: date, settings: Settings) -> bool:
    """Return whether `when` is the night at which a canary made its challenger champion."""
    promoted = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
    return promoted is not None and promoted.payload.get("canary") == str(night)


def _load_predictions(case: UseCase, rollout: ChallengerRollout, settings: Settings) -> pd.DataFrame:
    """Return every answer since the challenger became a shadow, with the `stage` that it had come to, the shadow's 0."""
    first = rollout.stages[0]
    predictions = prediction_log.read(case, first.night, first.started_at, settings)
    batch = predictions["protocol"] == prediction_log.BATCH
    stage = sum(
        np.where(batch, predictions[NIGHT] > str(each.night), predictions["at"] >= each.started_at.timestamp()).astype(
            int
        )
        for each in rollout.stages[1:]
    )
    later = _STAGE_SECONDS * np.asarray(stage)
    return predictions.assign(
        stage=stage, at=predictions["at"] + later, latency_ms=predictions["latency_ms"].where(~batch, 0.0)
    )


def _review_shadow(
    case: UseCase, rollout_state: RolloutState, predictions: pd.DataFrame, night: date, settings: Settings
) -> NextStep | None:
    """Write what was seen of the shadow once that is enough, and ask."""
    assert rollout_state.challenger is not None
    engine = warehouse.engine(settings.warehouse_url)
    reviews = [
        each
        for each in ledger.entries(
            engine, case.name, ReleaseEvent.SHADOW_REVIEWED, subject=rollout_state.challenger.digest
        )
        if each.seq > rollout_state.challenger.release
    ]
    if reviews:
        return "request_approvals" if reviews[0].night == night else None
    copies = predictions[predictions["package"] == rollout_state.challenger.digest]
    if len(copies) < case.release.min_shadow_rows or not len(copies):
        return None
    summary = _shadow_summary(rollout_state, predictions, copies, _target(case, rollout_state, settings))
    _append(case, rollout_state.challenger, ReleaseEvent.SHADOW_REVIEWED, night, summary, settings)
    return "request_approvals"


def _shadow_summary(
    rollout_state: RolloutState, predictions: pd.DataFrame, copies: pd.DataFrame, target: Target
) -> dict[str, Json]:
    """Return what an approver is told of the shadow."""
    scores = _scores(rollout_state, predictions)
    ours, theirs = scores.canary[scores.is_complete], scores.champion[scores.is_complete]
    decision_changes = target.score_distance.decision_changes(ours, theirs)
    return {
        "answers": len(copies),
        "faults": int(copies["fault"].notna().sum()),
        "difference": float(np.abs(ours - theirs).mean()) if len(ours) else 0.0,
        "decisions": float(decision_changes.mean()) if len(ours) else 0.0,
    }


def _target(case: UseCase, rollout_state: RolloutState, settings: Settings) -> Target:
    """Return what is asked for, as the champion's package tells it."""
    assert rollout_state.champion is not None
    return targets.from_facts(
        case, package_files.facts(packages.get(settings.packages, rollout_state.champion, settings.trusted_keys))
    )


def _apply_verdict(
    case: UseCase, rollout: ChallengerRollout, verdict: CanaryVerdict, night: date, settings: Settings
) -> NextStep | None:
    """Do what the verdict says: back, on to the next share unless releases are frozen, or wait."""
    payload: dict[str, Json] = {"share": rollout.share, "reason": verdict.reason, "checks": _checks(verdict)}
    if verdict.outcome is CanaryOutcome.CONTINUE or (
        verdict.outcome is CanaryOutcome.ADVANCE and freeze.active_freeze(case, settings)
    ):
        return None
    if verdict.outcome is CanaryOutcome.ROLL_BACK:
        _append(case, rollout, ReleaseEvent.ABORTED, night, payload, settings)
        _alert(case, rollout, verdict, night, settings)
        release_state.sync(case, settings)
        return None
    _append(case, rollout, ReleaseEvent.STAGE_PASSED, night, payload, settings)
    share = state.next_share(case.release.shares, rollout.share)
    if share is None:
        release.promote(case.name, str(rollout.night), canary_night=night)
        return "announce_champion"
    _append(case, rollout, ReleaseEvent.TRAFFIC_SHIFTED, night, {"share": share}, settings)
    release_state.sync(case, settings)
    return None


def _checks(verdict: CanaryVerdict) -> list[Json]:
    return [asdict(each) for each in verdict.checks]


def _append(
    case: UseCase,
    rollout: ChallengerRollout,
    kind: ReleaseEvent,
    night: date,
    payload: dict[str, Json],
    settings: Settings,
) -> None:
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=kind,
        use_case=case.name,
        night=night,
        subject=rollout.digest,
        payload={"trained": str(rollout.night), **payload},
        key=f"{case.name}:{kind}:{rollout.release}:{rollout.share}",
    )


def _alert(case: UseCase, rollout: ChallengerRollout, verdict: CanaryVerdict, night: date, settings: Settings) -> None:
    message = f"package {rollout.digest[:12]} was withdrawn at a share of {rollout.share:g}: {verdict.reason}"
    warehouse.raise_alert(
        warehouse.engine(settings.warehouse_url),
        Alert(use_case=case.name, night=night, kind="canary", subject=rollout.digest, message=message),
    )


def _observations(
    case: UseCase, rollout_state: RolloutState, predictions: pd.DataFrame, night: date, settings: Settings
) -> CanaryObservations:
    assert rollout_state.challenger is not None
    canary_predictions = predictions[predictions["stage"] > 0]
    stage_began = _STAGE_SECONDS * (len(rollout_state.challenger.stages) - 1)
    return CanaryObservations(
        share=rollout_state.challenger.share,
        share_started_at=stage_began,
        canary=_requests_on(canary_predictions, Route.CANARY),
        champion=_requests_on(canary_predictions, Route.CHAMPION),
        rows=_rows(case, rollout_state, canary_predictions, night, settings),
        shadow=_scores(rollout_state, predictions[predictions["stage"] == 0]),
    )


def _requests_on(predictions: pd.DataFrame, route: Route) -> Responses:
    """Return the requests that were answered on `route`, each once."""
    requests = predictions[predictions["route"] == route].groupby("request", sort=False)
    summary = requests.agg(at=("at", "first"), latency_ms=("latency_ms", "first"), fault=("fault", "first"))
    return Responses(
        timestamps=summary["at"].to_numpy(np.float64),
        latency_ms=summary["latency_ms"].to_numpy(np.float64),
        is_fault=summary["fault"].notna().to_numpy(),
    )


def _rows(
    case: UseCase, rollout_state: RolloutState, predictions: pd.DataFrame, night: date, settings: Settings
) -> ComparedRows:
    pairs = _pair_rows(predictions)
    known = warehouse.labels(warehouse.engine(settings.warehouse_url), case.name, case.horizon.cutoff(night))
    labels = pairs["entity"].map(known.set_index("entity")["label"])
    return ComparedRows(
        scores=_scores_of_pairs(rollout_state, pairs),
        labels=labels.to_numpy(np.float64),
        nights=pairs[NIGHT].astype(str).to_numpy(object),
        served_by_canary=(pairs["canary"] > 0).to_numpy(),
    )


def _scores(rollout_state: RolloutState, predictions: pd.DataFrame) -> PairedScores:
    return _scores_of_pairs(rollout_state, _pair_rows(predictions))


def _pair_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return each row that was asked, in order, with the score of either package and whether the canary answered."""
    ordered = predictions.sort_values("at", kind="stable")
    answered = ordered.assign(canary=(ordered["route"] == Route.CANARY) & ordered["fault"].isna())
    rows = answered.groupby(_ROW_KEY, sort=False)
    summary = rows.agg(entity=("entity", "first"), night=(NIGHT, "first"), canary=("canary", "sum"))
    scores: Any = ordered.groupby([*_ROW_KEY, "package"], sort=False)["score"].first().unstack("package")
    return summary.join(scores)


def _scores_of_pairs(rollout_state: RolloutState, pairs: pd.DataFrame) -> PairedScores:
    assert rollout_state.challenger is not None

    def column(digest: str | None) -> Floats:
        return np.asarray(pairs[digest] if digest in pairs else np.full(len(pairs), np.nan), np.float64)

    return PairedScores(champion=column(rollout_state.champion), canary=column(rollout_state.challenger.digest))
