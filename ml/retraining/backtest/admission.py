"""Admission of a requested model in a backtest: by production's rules, without a gate, or by its record as a shadow."""

from dataclasses import replace
from datetime import date

import numpy as np

from ml.arrays import Integers
from ml.errors import RefusalError
from ml.promotion import gate, refit_equivalence
from ml.promotion.adoption import admission, screen
from ml.promotion.adoption.screen import ScreenedScores
from ml.promotion.gate import Check, CheckStatus, GateRule, HoldoutScores, Outcome
from ml.promotion.refit_equivalence import ScorePair
from ml.retraining.backtest import recipe_evidence
from ml.retraining.backtest.context import BacktestContext, DecisionRecord, PolicyRun
from ml.retraining.backtest.history import TrainedModel, TrainingId, TrainingRefusal, TrainingResult, Trainings
from ml.statistics import intervals
from ml.training import splitting

ADOPTED, REFUSED, KEPT = "adopted", "refused", str(Outcome.KEEP)


def gate_refusal(night: date, used_until: str, context: BacktestContext) -> str:
    """Return why the gate could not judge a training as of `night`; "" if it could, or if there is no gate.

    `used_until` is the last night that the champion was fitted or judged on.
    """
    if not context.use_gate:
        return ""
    try:
        _count_holdout(night, used_until, context)
    except RefusalError as refusal:
        return str(refusal)
    return ""


def trainings_against(night: date, used_until: str, context: BacktestContext) -> tuple[TrainingId, ...]:
    """Return the trainings as of `night` that the gate needs: the model to judge, and the one to release.

    `used_until` is the last night that the champion was fitted or judged on. Both are the same unless the use case
    refits. There are none if there are too few nights to judge on.
    """
    try:
        judged = TrainingId(night, _count_holdout(night, used_until, context))
    except RefusalError:
        return ()
    return (judged, released(judged, context))


def released(judged: TrainingId, context: BacktestContext) -> TrainingId:
    """Return the training that is released after `judged` was judged: its refit on all nights, if declared."""
    return judged if context.case.refit is None else judged._replace(held_out=0)


def judge(
    record: DecisionRecord, run: PolicyRun, champion: TrainedModel, context: BacktestContext, trainings: Trainings
) -> DecisionRecord:
    """Return the record with the outcome for the requested model: by the rules of production, or adopted without a gate.

    `trainings` has those that `trainings_against` returns, or the one of the night without a gate.
    """
    if not context.use_gate:
        return _judge_without_gate(record, trainings[TrainingId(record.night)])
    try:
        judged_id = TrainingId(record.night, _count_holdout(record.night, champion.used_until, context))
    except RefusalError as refusal:
        return replace(record, outcome=REFUSED, reason=str(refusal))
    judged, refresh = trainings[judged_id], trainings[released(judged_id, context)]
    for each in (judged, refresh):
        if isinstance(each, TrainingRefusal):
            return replace(record, outcome=REFUSED, reason=each.reason)
    assert isinstance(judged, TrainedModel)
    assert isinstance(refresh, TrainedModel)
    rule = GateRule.REFRESH if champion.training.candidate == judged_id.candidate else GateRule.CHANGE
    holdout = _holdout_scores(champion, judged, context)
    verdict = gate.judge(holdout, context.case.gates, rule, judged.target, extra_checks=judged.checks)
    agreement = _agreement(run, judged, refresh, context)
    is_equivalent = all(check.status is CheckStatus.PASS for check in agreement)
    declared, known = context.case.adoption, None
    screened: tuple[Check, ...] = ()
    if declared is not None:
        known = recipe_evidence.record(run, record.night, context, trainings)
        screened = screen.checks(_screened_scores(champion, refresh, holdout, context), judged.target, declared)
    decision = admission.decide(verdict, (*screened, *agreement), known, declared)
    return replace(
        record,
        outcome=str(verdict.outcome) if decision.admission is None else ADOPTED,
        reason=decision.reason,
        failed_checks=tuple(check.name for check in verdict.checks if check.status is not CheckStatus.PASS),
        refresh=refresh.training if is_equivalent else judged.training,
        admission=decision.admission,
        evidence=None if known is None else known.evidence,
        agreement=agreement,
    )


def _agreement(
    run: PolicyRun, judged: TrainedModel, refresh: TrainedModel, context: BacktestContext
) -> tuple[Check, ...]:
    """Return the checks that the refit agrees with the judged model on the nights without labels; () without a refit.

    Production also compares their losses on the judged rows, for which a backtest has no scores of the refit.
    """
    if context.case.refit is None:
        return ()
    rows = _waiting_rows(refresh, context)
    bars = refit_equivalence.bars_from_history([each.agreement for each in run.records], context.case.refit)
    pair = ScorePair(judged=judged.scores[rows], refit=refresh.scores[rows])
    return refit_equivalence.agreement_checks(pair, judged.target, bars)


def _judge_without_gate(record: DecisionRecord, result: TrainingResult) -> DecisionRecord:
    if isinstance(result, TrainingRefusal):
        return replace(record, outcome=REFUSED, reason=result.reason)
    return replace(record, outcome=ADOPTED, reason="there is no gate", refresh=result.training)


def _count_holdout(night: date, used_until: str, context: BacktestContext) -> int:
    """Return the number of nights to judge a model of `night` on; raises RefusalError if there are too few."""
    case = context.case
    labelled = context.history.matured_nights(night, case.schedule.cutoff(night), case.matured_share)
    return splitting.count_holdout(labelled, case.gates, used_until)


def _holdout_scores(champion: TrainedModel, challenger: TrainedModel, context: BacktestContext) -> HoldoutScores:
    """Return the matured rows that neither model has used, with the scores of both models and of the baselines."""
    history, case = context.history, context.case
    cutoff = case.schedule.cutoff(challenger.night)
    rows = history.matured(history.rows(challenger.learned_until, challenger.used_until), cutoff, case.matured_share)
    selected = rows[history.nights[rows] > max(challenger.learned_until, champion.used_until)]
    return HoldoutScores(
        labels=history.labels[selected],
        champion=champion.scores[selected],
        challenger=challenger.scores[selected],
        nights=history.nights[selected],
        slices=intervals.slice_masks(
            case.slices, {feature: each[selected] for feature, each in history.levels.items()}
        ),
        baselines={name: each[selected] for name, each in challenger.baselines.items()},
    )


def _screened_scores(
    champion: TrainedModel, refresh: TrainedModel, holdout: HoldoutScores, context: BacktestContext
) -> ScreenedScores:
    """Return the scores of the nights that waited for labels when the refresh was trained, and of the judged nights."""
    rows = _waiting_rows(refresh, context)
    return ScreenedScores(
        champion=champion.scores[rows],
        released=refresh.scores[rows],
        labels=holdout.labels,
        judged=holdout.challenger,
        released_nights=_count_learned(refresh, context),
        champion_nights=_count_learned(champion, context),
    )


def _count_learned(model: TrainedModel, context: BacktestContext) -> int:
    """Return the number of nights that a model was fitted on."""
    nights = context.history.nights
    return len(np.unique(nights[(nights >= model.learned_from) & (nights <= model.learned_until)]))


def _waiting_rows(refresh: TrainedModel, context: BacktestContext) -> Integers:
    """Return the indices of the rows of nights that waited for labels when the refresh was trained."""
    rows = context.history.rows(refresh.used_until, refresh.night)
    indices: Integers = rows.start + np.flatnonzero(context.history.nights[rows] > refresh.used_until)
    return indices


def compare(
    record: DecisionRecord, candidate: TrainingResult, champion: TrainedModel, margin: float, context: BacktestContext
) -> DecisionRecord:
    """Return the record with the outcome for the previously trained model, a shadow since then.

    It is adopted if its loss on the matured rows since its training is lower than the champion's by more than `margin`.
    """
    history, trained_night = context.history, candidate.night
    since = history.rows(context.case.schedule.previous(trained_night, -1), record.night)
    matured_rows = history.matured(since, context.case.schedule.cutoff(record.night), context.case.matured_share)
    if isinstance(candidate, TrainingRefusal) or trained_night == champion.night or not len(matured_rows):
        return replace(record, outcome=KEPT, reason="there was no shadow to compare")
    losses = [
        champion.target.row_loss(history.labels[matured_rows], each.scores[matured_rows]).mean()
        for each in (champion, candidate)
    ]
    gain = float(losses[0] - losses[1])
    reason = f"gained {gain:.4f} as a shadow (bar: {margin:g})"
    outcome = ADOPTED if gain > margin else KEPT
    return replace(record, outcome=outcome, reason=reason, refresh=candidate.training)
