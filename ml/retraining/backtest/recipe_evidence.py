"""The adoption of refreshes in a backtest: evidence for the recipe, and the guard of the model that was adopted.

Labels count only as they were known at the time: a block of nights is read once, when the block after it has ended.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np

from ml.promotion import paired_gains
from ml.promotion.adoption import evidence, guard
from ml.promotion.adoption.admission import Admission, RecipeRecord
from ml.promotion.adoption.evidence import GainSeries
from ml.retraining.backtest.context import BacktestContext, ChampionTerm, Intervention, PolicyRun
from ml.retraining.backtest.history import TrainedModel, TrainingId, TrainingResult

Trainings = Mapping[TrainingId, TrainingResult]


def record(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> RecipeRecord:
    """Return what is known about the recipe as of `night`: its evidence over the anchor, allowance used, and harm."""
    declared = context.case.adoption
    assert declared is not None
    anchor = run.champion_terms[0].training
    series = _block_series(run, night, context, trainings)
    e_values = evidence.e_values(series, declared)
    ended = [each.reason for each in run.interventions if each.ends_adoption]
    return RecipeRecord(
        anchor=str(anchor.night),
        evidence=float(e_values[-1]) if len(e_values) else 1.0,
        is_licensed=evidence.reached(series, declared, declared.licence) is not None,
        allowance_used=sum(each.admission is Admission.ALLOWANCE for each in run.records),
        stopped=ended[-1] if ended else "",
    )


def intervene(
    run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings
) -> tuple[ChampionTerm, Intervention] | None:
    """Return the term and the reason if, with the labels of `night`, the guard puts another model back; else None."""
    declared = context.case.adoption
    if not context.use_gate or declared is None or len(run.champion_terms) < 2:
        return None
    following = context.case.horizon.previous(night, -1)
    anchor = run.champion_terms[0]
    if any(term.is_adopted for term in run.champion_terms) and not _has_ended(run):
        spent = _harm(run, night, context, trainings)
        if spent is not None and guard.exhausted_after(spent, declared):
            reason = (
                f"the harm budget is used up: {guard.harm(spent):.2f} of {declared.harm_budget:g} lost beyond the "
                f"anchor {anchor.training.night}"
            )
            term = ChampionTerm(first_night=following, training=anchor.training, is_adopted=False)
            return term, Intervention(night=night, reason=reason, ends_adoption=True)
    current, predecessor = run.champion_terms[-1], run.champion_terms[-2]
    if not current.is_adopted:
        return None
    series = _nightly(current.training, predecessor.training, current.first_night, night, night, context, trainings)
    if series is None or guard.rolled_back_after(series, declared) is None:
        return None
    reason = f"rolled back: shown worse than its predecessor after {len(series.loss)} nights"
    term = ChampionTerm(first_night=following, training=predecessor.training, is_adopted=False)
    return term, Intervention(night=night, reason=reason)


def _has_ended(run: PolicyRun) -> bool:
    return any(each.ends_adoption for each in run.interventions)


def _block_series(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> GainSeries:
    """Return the gains of the recipe's refreshes over the anchor, by block: each of the refresh that was newest."""
    horizon, anchor = context.case.horizon, run.champion_terms[0].training
    refreshes = [each.refresh for each in run.records if each.refresh is not None]
    if not refreshes:
        return evidence.join([], horizon.nights_per_block)
    blocks = []
    for first, last in evidence.blocks(min(refreshes).night, night, horizon):
        newest = max(each for each in refreshes if each.night < first)
        known = horizon.previous(last, -horizon.nights_per_block)
        series = _nightly(anchor, newest, first, last, known, context, trainings)
        if series is not None:
            blocks.append(evidence.block(series))
    return evidence.join(blocks, horizon.nights_per_block)


def _nightly(
    champion: TrainingId,
    challenger: TrainingId,
    first: date,
    last: date,
    known: date,
    context: BacktestContext,
    trainings: Trainings,
) -> GainSeries | None:
    """Return the nightly gains of `challenger` over `champion` in `first` to `last`, from labels known at `known`.

    None without matured nights.
    """
    history, case = context.history, context.case
    rows = history.matured(history.rows(first, last), case.horizon.cutoff(known), case.matured_share)
    if not len(rows):
        return None
    one, other = _model(champion, trainings), _model(challenger, trainings)
    gains = paired_gains.measure(
        history.labels[rows], one.scores[rows], other.scores[rows], history.nights[rows], one.target
    )
    return evidence.by_night(gains)[1]


def _harm(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> np.ndarray | None:
    """Return the nightly gains in loss of the anchor over the models that answered, since the first adoption."""
    history, case = context.history, context.case
    anchor, adopted = _model(run.champion_terms[0].training, trainings), run.champion_terms[1].first_night
    rows = history.matured(history.rows(adopted, night), case.horizon.cutoff(night), case.matured_share)
    if not len(rows):
        return None
    losses = []
    for term, following in zip(
        run.champion_terms[1:], [*(each.first_night for each in run.champion_terms[2:]), None], strict=True
    ):
        until = case.horizon.previous(following) if following else night
        selected = rows[(history.nights[rows] >= str(term.first_night)) & (history.nights[rows] <= str(until))]
        if len(selected):
            labels, model = history.labels[selected], _model(term.training, trainings)
            excess = anchor.target.row_loss(labels, model.scores[selected]) - anchor.target.row_loss(
                labels, anchor.scores[selected]
            )
            _, index = np.unique(history.nights[selected].astype(str), return_inverse=True)
            losses.append(np.bincount(index, excess) / np.bincount(index))
    return np.concatenate(losses)


def _model(training: TrainingId, trainings: Trainings) -> TrainedModel:
    result = trainings[training]
    assert isinstance(result, TrainedModel), result
    return result
