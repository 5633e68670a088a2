"""Admission of a requested model in a backtest: by production's gate, without a gate, or by its record as a shadow."""

from dataclasses import replace

import numpy as np

from ml.promotion import gate
from ml.promotion.gate import CheckStatus, GateRule, HoldoutScores, Outcome
from ml.retraining.backtest.context import BacktestContext, DecisionRecord
from ml.retraining.backtest.history import TrainedModel, TrainingRefusal, TrainingResult
from ml.statistics import intervals

ADOPTED, REFUSED, KEPT = "adopted", "refused", str(Outcome.KEEP)


def judge(
    record: DecisionRecord, challenger: TrainingResult, champion: TrainedModel, context: BacktestContext
) -> DecisionRecord:
    """Return the record with the outcome for the challenger: the gate's verdict, or adopted if there is no gate."""
    if isinstance(challenger, TrainingRefusal):
        return replace(record, outcome=REFUSED, reason=challenger.reason)
    if not context.use_gate:
        return replace(record, outcome=ADOPTED, reason="there is no gate")
    holdout = _holdout_scores(champion, challenger, context)
    if len(np.unique(holdout.nights)) < context.case.gates.judged_nights:
        reason = f"the champion used nights up to {champion.used_until}: too few later nights to judge on"
        return replace(record, outcome=REFUSED, reason=reason)
    verdict = gate.judge(
        holdout, context.case.gates, GateRule.REFRESH, challenger.target, extra_checks=challenger.checks
    )
    failed = tuple(check.name for check in verdict.checks if check.status is not CheckStatus.PASS)
    outcome = ADOPTED if verdict.outcome is Outcome.PROMOTE else str(verdict.outcome)
    return replace(record, outcome=outcome, reason=verdict.reason, failed_checks=failed)


def _holdout_scores(champion: TrainedModel, challenger: TrainedModel, context: BacktestContext) -> HoldoutScores:
    """Return the matured rows that neither model has used, with the scores of both models and of the baselines."""
    history, case = context.history, context.case
    cutoff = case.horizon.cutoff(challenger.night)
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


def compare(
    record: DecisionRecord, candidate: TrainingResult, champion: TrainedModel, margin: float, context: BacktestContext
) -> DecisionRecord:
    """Return the record with the outcome for the previously trained model, a shadow since then.

    It is adopted if its loss on the matured rows since its training is lower than the champion's by more than `margin`.
    """
    history, trained_night = context.history, candidate.night
    since = history.rows(context.case.horizon.previous(trained_night, -1), record.night)
    matured_rows = history.matured(since, context.case.horizon.cutoff(record.night), context.case.matured_share)
    if isinstance(candidate, TrainingRefusal) or trained_night == champion.night or not len(matured_rows):
        return replace(record, outcome=KEPT, reason="there was no shadow to compare")
    losses = [
        champion.target.row_loss(history.labels[matured_rows], each.scores[matured_rows]).mean()
        for each in (champion, candidate)
    ]
    gain = float(losses[0] - losses[1])
    reason = f"gained {gain:.4f} as a shadow (bar: {margin:g})"
    return replace(record, outcome=ADOPTED if gain > margin else KEPT, reason=reason)
