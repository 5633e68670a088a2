"""Canary: compare the predictions of challenger and champion since the release began, and act on the verdict."""

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd

from include.steps import release, release_state
from include.steps.context import NightContext, StepContext
from include.steps.release import freeze, standing_release
from include.steps.score import prediction_log
from include.stores import ledger, packages, warehouse
from include.stores.warehouse import Alert
from ml import targets
from ml.arrays import Floats
from ml.governance import ledger_entries
from ml.governance.ledger_entries import Aborted, EntryKind, Promoted, ShadowReviewed, StagePassed, TrafficShifted
from ml.ingestion.availability import NIGHT
from ml.packaging import package_files
from ml.rollout import canary, state
from ml.rollout.canary import CanaryObservations, CanaryOutcome, CanaryVerdict, ComparedRows, PairedScores, Responses
from ml.rollout.routing import Route
from ml.rollout.state import ChallengerRollout, RolloutState
from ml.targets import Target

NextStep = Literal["request_approvals", "announce_champion"]  # the tasks of the DAG
_ROW_KEY = ["request", "place"]
_STAGE_SECONDS = 1e10  # larger than any timestamp, so that predictions sort by stage first


def advance(use_case: str, night: str) -> NextStep | None:
    """Advance the release under way as far as predictions and labels by `night` allow; return the next task, if any.

    "request_approvals": enough shadow responses were reviewed, or the standing approval that the release relies on has
    lapsed, so two people are asked to approve.
    "announce_champion": the challenger is champion. Running a night again changes nothing more.
    """
    context = NightContext.load_night(use_case, night)
    prediction_log.collect(use_case)
    rollout_state = release_state.current(context)
    if rollout_state.challenger is None or context.case.release.canary is None:
        return "announce_champion" if _was_promoted_at(context) else None
    predictions = _load_predictions(context, rollout_state.challenger)
    if not rollout_state.challenger.share:
        return _review_shadow(context, rollout_state, predictions)
    verdict = canary.judge(
        _observations(context, rollout_state, predictions),
        context.case.release.canary,
        target=_target(context, rollout_state),
        budget=context.case.latency_budget,
        matured_share=context.case.matured_share,
    )
    return _apply_verdict(context, rollout_state.challenger, verdict)


def trained_night(use_case: str) -> str:
    """Return the night as of which the challenger under release was trained."""
    rollout = release_state.current(StepContext.load(use_case)).challenger
    assert rollout is not None
    return str(rollout.night)


def _was_promoted_at(context: NightContext) -> bool:
    """Return whether the champion was promoted by a canary that ended on the context's night."""
    promoted = ledger.champion(context.engine, context.case.name)
    if promoted is None or promoted.kind != EntryKind.PROMOTED:
        return False
    return ledger_entries.read(promoted, Promoted).canary_night == context.night


def _load_predictions(context: StepContext, rollout: ChallengerRollout) -> pd.DataFrame:
    """Return all predictions since the challenger became a shadow, with their `stage`, which is 0 for the shadow."""
    first = rollout.stages[0]
    predictions = prediction_log.read(context, first.night, first.started_at)
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


def _review_shadow(context: NightContext, rollout_state: RolloutState, predictions: pd.DataFrame) -> NextStep | None:
    """Record the shadow review once there are enough responses, and request the approvals."""
    assert rollout_state.challenger is not None
    engine = context.engine
    reviews = [
        each
        for each in ledger.entries(
            engine, context.case.name, EntryKind.SHADOW_REVIEWED, subject=rollout_state.challenger.digest
        )
        if each.seq > rollout_state.challenger.release
    ]
    if reviews:
        return "request_approvals" if reviews[0].night == context.night else None
    copies = predictions[predictions["package"] == rollout_state.challenger.digest]
    if len(copies) < context.case.release.min_shadow_rows or not len(copies):
        return None
    review = _shadow_review(rollout_state, predictions, copies, _target(context, rollout_state))
    _append(context, rollout_state.challenger, EntryKind.SHADOW_REVIEWED, review)
    return "request_approvals"


def _shadow_review(
    rollout_state: RolloutState, predictions: pd.DataFrame, copies: pd.DataFrame, target: Target
) -> ShadowReviewed:
    """Return the review of the shadow for approvers."""
    assert rollout_state.challenger is not None
    scores = _scores(rollout_state, predictions)
    ours, theirs = scores.canary[scores.is_complete], scores.champion[scores.is_complete]
    decision_changes = target.score_distance.decision_changes(ours, theirs)
    return ShadowReviewed(
        trained_night=rollout_state.challenger.night,
        responses=len(copies),
        errors=int(copies["fault"].notna().sum()),
        mean_score_difference=float(np.abs(ours - theirs).mean()) if len(ours) else 0.0,
        decision_change_share=float(decision_changes.mean()) if len(ours) else 0.0,
    )


def _target(context: StepContext, rollout_state: RolloutState) -> Target:
    """Return the prediction target as recorded in the champion's package."""
    assert rollout_state.champion is not None
    return targets.from_facts(
        context.case,
        package_files.facts(
            packages.get(context.settings.packages, rollout_state.champion, context.settings.trusted_keys)
        ),
    )


def _apply_verdict(context: NightContext, rollout: ChallengerRollout, verdict: CanaryVerdict) -> NextStep | None:
    """Apply the verdict: roll back, advance to the next share unless releases are frozen or approvals lack, or wait."""
    if verdict.outcome is CanaryOutcome.ROLL_BACK:
        aborted = Aborted(
            trained_night=rollout.night, share=rollout.share, reason=verdict.reason, checks=_checks(verdict)
        )
        _append(context, rollout, EntryKind.ABORTED, aborted)
        _alert(context, rollout, verdict)
        release_state.sync(context)
        return None
    if (lapsed := standing_release.lapse(rollout, context)) is not None:
        return "request_approvals" if lapsed.night == context.night else None
    if verdict.outcome is CanaryOutcome.CONTINUE or freeze.active_freeze(context):
        return None
    passed = StagePassed(
        trained_night=rollout.night, share=rollout.share, reason=verdict.reason, checks=_checks(verdict)
    )
    _append(context, rollout, EntryKind.STAGE_PASSED, passed)
    share = state.next_share(context.case.release.shares, rollout.share)
    if share is None:
        release.promote(context.case.name, str(rollout.night), canary_night=context.night)
        return "announce_champion"
    shift = TrafficShifted(trained_night=rollout.night, share=share)
    _append(context, rollout, EntryKind.TRAFFIC_SHIFTED, shift)
    release_state.sync(context)
    return None


def _checks(verdict: CanaryVerdict) -> tuple[dict[str, Any], ...]:
    return tuple(asdict(each) for each in verdict.checks)


def _append(
    context: NightContext,
    rollout: ChallengerRollout,
    kind: EntryKind,
    payload: ShadowReviewed | Aborted | StagePassed | TrafficShifted,
) -> None:
    ledger.append(
        context.engine,
        kind=kind,
        use_case=context.case.name,
        night=context.night,
        subject=rollout.digest,
        payload=payload,
        key=f"{context.case.name}:{kind}:{rollout.release}:{rollout.share}",
    )


def _alert(context: NightContext, rollout: ChallengerRollout, verdict: CanaryVerdict) -> None:
    message = f"the release of {rollout.digest[:12]} was aborted at a share of {rollout.share:g}: {verdict.reason}"
    warehouse.raise_alert(
        context.engine,
        Alert(use_case=context.case.name, night=context.night, kind="canary", subject=rollout.digest, message=message),
    )


def _observations(context: NightContext, rollout_state: RolloutState, predictions: pd.DataFrame) -> CanaryObservations:
    assert rollout_state.challenger is not None
    canary_predictions = predictions[predictions["stage"] > 0]
    stage_began = _STAGE_SECONDS * (len(rollout_state.challenger.stages) - 1)
    return CanaryObservations(
        share=rollout_state.challenger.share,
        share_started_at=stage_began,
        canary=_requests_on(canary_predictions, Route.CANARY),
        champion=_requests_on(canary_predictions, Route.CHAMPION),
        rows=_rows(context, rollout_state, canary_predictions),
        shadow=_scores(rollout_state, predictions[predictions["stage"] == 0]),
    )


def _requests_on(predictions: pd.DataFrame, route: Route) -> Responses:
    """Return the requests answered on `route`, one response each."""
    requests = predictions[predictions["route"] == route].groupby("request", sort=False)
    summary = requests.agg(at=("at", "first"), latency_ms=("latency_ms", "first"), fault=("fault", "first"))
    return Responses(
        timestamps=summary["at"].to_numpy(np.float64),
        latency_ms=summary["latency_ms"].to_numpy(np.float64),
        is_fault=summary["fault"].notna().to_numpy(),
    )


def _rows(context: NightContext, rollout_state: RolloutState, predictions: pd.DataFrame) -> ComparedRows:
    pairs = _pair_rows(predictions)
    known = warehouse.labels(context.engine, context.case.dataset, context.case.schedule.cutoff(context.night))
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
    """Return one row per requested entity, in order: both packages' scores, and how often the canary answered."""
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
