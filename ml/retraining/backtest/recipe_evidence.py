"""The adoption of refreshes in a backtest: evidence for the recipe, and the guard of the model that was adopted.

Labels count only as they were known at the time: a block of nights is read once, when the block after it has ended.
"""

from dataclasses import dataclass
from datetime import date

from ml.arrays import Floats
from ml.promotion import paired_gains
from ml.promotion.adoption import evidence, guard
from ml.promotion.adoption.admission import Admission, RecipeRecord, is_unproven
from ml.promotion.adoption.evidence import GainSeries
from ml.retraining.backtest.context import BacktestContext, ChampionTerm, Intervention, PolicyRun
from ml.retraining.backtest.history import TrainingId, Trainings, model_of


def record(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> RecipeRecord:
    """Return what is known about the recipe as of `night`: its evidence over the anchor, allowance used, and harm."""
    declared = context.case.adoption
    assert declared is not None
    ended = [each.reason for each in run.interventions if each.ends_adoption]
    known = RecipeRecord(
        anchor=str(run.champion_terms[0].training.night),
        allowance_used=sum(each.admission is Admission.ALLOWANCE for each in run.records),
        stopped=ended[-1] if ended else "",
    )
    return known.with_evidence(block_series(run, night, context, trainings), declared)


def intervene(
    run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings
) -> tuple[ChampionTerm, Intervention] | None:
    """Return the term and the reason if, with the labels of `night`, the guard puts another model back; else None."""
    declared = context.case.adoption
    if not context.use_gate or declared is None or len(run.champion_terms) < 2:
        return None
    following = context.case.schedule.previous(night, -1)
    if is_unproven(run.champion_terms[-1].admission) and not _has_ended(run):
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
    nightly = _NightlyGains(context=context, trainings=trainings)
    series = nightly(current.training, predecessor.training, current.first_night, night, night)
    if series is None or guard.rolled_back_after(series, declared) is None:
        return None
    reason = f"rolled back: shown worse than its predecessor after {len(series.loss)} nights"
    term = ChampionTerm(first_night=following, training=predecessor.training, is_adopted=False)
    return term, Intervention(night=night, reason=reason)


def _has_ended(run: PolicyRun) -> bool:
    return any(each.ends_adoption for each in run.interventions)


def block_series(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> GainSeries:
    """Return the gains of the recipe's refreshes over the anchor, by block."""
    refreshes = [(each.refresh.night, each.refresh) for each in run.records if each.refresh is not None]
    nightly = _NightlyGains(context=context, trainings=trainings)
    return evidence.block_series(run.champion_terms[0].training, refreshes, night, context.case.schedule, nightly)


@dataclass(frozen=True, kw_only=True, slots=True)
class _NightlyGains:
    """The gains between two trainings on the rows of the backtest; see `evidence.Nightly`."""

    context: BacktestContext
    trainings: Trainings

    def __call__(
        self,
        champion: TrainingId,
        challenger: TrainingId,
        first: date,
        last: date,
        known: date,
        *,
        centred: bool = True,
    ) -> GainSeries | None:
        history, case = self.context.history, self.context.case
        rows = history.matured(history.rows(first, last), case.schedule.cutoff(known), case.matured_share)
        if not len(rows):
            return None
        one, other = (model_of(each, self.trainings) for each in (champion, challenger))
        gains = paired_gains.measure(
            history.labels[rows],
            one.scores[rows],
            other.scores[rows],
            history.nights[rows],
            one.target,
            centred=centred,
        )
        return evidence.by_night(gains)[1]


def _last_proven(run: PolicyRun) -> ChampionTerm:
    """Return the term of the last model that the gate showed better; the first term if there is none."""
    proven = [term for term in run.champion_terms if term.admission is Admission.PROOF]
    return proven[-1] if proven else run.champion_terms[0]


def _harm(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> Floats:
    """Return the nightly gains in loss of the last proven model over the unproven ones that answered after it, (m,)."""
    proven, schedule = _last_proven(run), context.case.schedule
    ends = [*(schedule.previous(term.first_night) for term in run.champion_terms[1:]), night]
    after = run.champion_terms.index(proven) + 1
    unproven = [
        (term.training, term.first_night, end)
        for term, end in list(zip(run.champion_terms, ends, strict=True))[after:]
        if is_unproven(term.admission)
    ]
    return guard.gains_of_proven(proven.training, unproven, night, _NightlyGains(context=context, trainings=trainings))
