"""The adoption of refreshes in a backtest: evidence for the recipe, and the guard of the model that was adopted.

Labels count only as they were known at the time: a block of nights is read once, when the block after it has ended.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np

from ml.arrays import Floats
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
    if run.champion_terms[-1].is_unproven and not _has_ended(run):
        losses = _harm(run, night, context, trainings)
        if guard.exhausted_after(losses, declared):
            proven = _last_proven(run).training
            reason = (
                f"the harm budget is used up: {guard.harm(losses):.2f} of {declared.harm_budget:g} lost beyond the "
                f"last proven model {proven.night}"
            )
            term = ChampionTerm(first_night=following, training=proven, is_adopted=False)
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


def _last_proven(run: PolicyRun) -> ChampionTerm:
    """Return the term of the last model that the gate showed better; the first term if there is none."""
    proven = [term for term in run.champion_terms if term.admission is Admission.PROOF]
    return proven[-1] if proven else run.champion_terms[0]


def _harm(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> Floats:
    """Return the nightly gains in loss of the last proven model over the unproven ones that answered after it, (m,)."""
    proven, horizon = _last_proven(run), context.case.horizon
    terms = run.champion_terms[run.champion_terms.index(proven) + 1 :]
    by_term = []
    for number, term in enumerate(terms):
        until = horizon.previous(terms[number + 1].first_night) if number + 1 < len(terms) else night
        series = None
        if term.is_unproven:
            series = _nightly(term.training, proven.training, term.first_night, until, night, context, trainings)
        if series is not None:
            by_term.append(series.loss)
    return np.concatenate(by_term) if by_term else np.zeros(0)


def _model(training: TrainingId, trainings: Trainings) -> TrainedModel:
    result = trainings[training]
    assert isinstance(result, TrainedModel), result
    return result
