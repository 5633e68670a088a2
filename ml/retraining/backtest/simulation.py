"""Simulation of one policy, night by night, as far as the available trainings allow.

A simulation is a pure function of rows and trainings. It needs no stored state and does not depend on other policies.
If it stops because a training is missing, it can be repeated with that training.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np

from ml.arrays import Floats
from ml.monitoring import drift, performance
from ml.retraining import triggers as retraining_triggers
from ml.retraining.backtest import admission, age_cost, recalibration, recipe_evidence
from ml.retraining.backtest.context import BacktestContext, ChampionTerm, DecisionRecord, PolicyRun
from ml.retraining.backtest.history import TrainedModel, TrainingId, Trainings, model_of
from ml.retraining.backtest.policies import Hindsight, Policy, Scheduled, Shadow, Triggered
from ml.retraining.triggers import ChampionFacts, RetrainingDecision
from ml.usecase import Triggers
from ml.usecase.periods import Period


def start(policy: Policy, context: BacktestContext) -> PolicyRun:
    """Return the simulation before its first night; the first model becomes champion without a gate."""
    return PolicyRun(
        policy=policy,
        champion_terms=(
            ChampionTerm(first_night=context.period.first, training=context.initial_training, is_adopted=False),
        ),
    )


def planned_trainings(policy: Policy, context: BacktestContext) -> frozenset[TrainingId]:
    """Return the trainings that the policy needs in any case."""
    scheduled = context.decision_nights(policy) if isinstance(policy, Scheduled) else ()
    if context.use_gate and context.case.refit is None and not isinstance(policy, Shadow | Hindsight):
        scheduled = ()  # the models to judge are released, and depend on the champion
    return frozenset((context.initial_training, *map(TrainingId, scheduled)))


def likely_trainings(policy: Policy, context: BacktestContext) -> frozenset[TrainingId]:
    """Return trainings that the policy needs if each of its models is adopted, so that they can run in parallel."""
    if not context.use_gate or not isinstance(policy, Scheduled) or isinstance(policy, Shadow | Hindsight):
        return frozenset()
    nights = (context.initial_training_night, *context.decision_nights(policy))
    return frozenset(
        training
        for previous, night in pairwise(nights)
        for training in admission.trainings_against(night, _matured_until(previous, context), context)
    )


def _matured_until(night: date, context: BacktestContext) -> str:
    """Return the latest night that had matured as of `night`."""
    case = context.case
    return str(context.history.matured_nights(night, case.schedule.cutoff(night), case.matured_share)[-1])


def advance(run: PolicyRun, context: BacktestContext, trainings: Trainings) -> tuple[PolicyRun, frozenset[TrainingId]]:
    """Return the simulation as far as `trainings` allow, and the trainings that it needs to continue, if any."""
    missing = planned_trainings(run.policy, context) - trainings.keys()
    if missing:
        return run, missing
    if isinstance(run.policy, Hindsight):
        return _run_hindsight(run, run.policy, context, trainings), frozenset()
    for night in context.decision_nights(run.policy)[len(run.records) :]:
        guarded = _guard(run, _last_decision(run, context), night, context, trainings)
        decision = _decide(guarded, night, context, trainings)
        missing = _needed_trainings(guarded, night, decision, context, trainings) - trainings.keys()
        if missing:
            return run, missing
        run = _apply_decision(guarded, night, decision, context, trainings)
    last = context.case.schedule.previous(context.period.last)
    return _guard(run, _last_decision(run, context), last, context, trainings), frozenset()


def _last_decision(run: PolicyRun, context: BacktestContext) -> date:
    return run.records[-1].night if run.records else context.initial_training_night


def _guard(run: PolicyRun, after: date, until: date, context: BacktestContext, trainings: Trainings) -> PolicyRun:
    """Return the simulation after the guard examined the nights after `after`, up to `until`."""
    if not context.use_gate or isinstance(run.policy, Shadow):
        return run
    schedule = context.case.schedule
    for offset in range(1, schedule.count(after, until) + 1):
        put_back = recipe_evidence.intervene(run, schedule.previous(after, -offset), context, trainings)
        if put_back is not None:
            term, intervention = put_back
            run = replace(
                run,
                champion_terms=(*run.champion_terms, term),
                interventions=(*run.interventions, intervention),
            )
    return run


def _needed_trainings(
    run: PolicyRun, night: date, decision: RetrainingDecision, context: BacktestContext, trainings: Trainings
) -> frozenset[TrainingId]:
    if not decision.retrain or isinstance(run.policy, Shadow):
        return frozenset()
    if not context.use_gate:
        return frozenset((TrainingId(night),))
    return frozenset(admission.trainings_against(night, _champion(run, trainings).used_until, context))


def _decide(run: PolicyRun, night: date, context: BacktestContext, trainings: Trainings) -> RetrainingDecision:
    if isinstance(run.policy, Triggered):
        triggers = run.policy.triggers
        facts = observe(run, triggers, night, context, trainings)
        decision = retraining_triggers.decide(triggers, facts, context.case.schedule)
        return decision.unless(admission.gate_refusal(night, _champion(run, trainings).used_until, context))
    assert isinstance(run.policy, Scheduled)
    return run.policy.decision


def observe(
    run: PolicyRun, triggers: Triggers, night: date, context: BacktestContext, trainings: Trainings
) -> ChampionFacts:
    """Return the facts that production would know about the champion at the cutoff of `night`."""
    case, history, schedule = context.case, context.history, context.case.schedule
    champion = _champion(run, trainings)
    first = max(schedule.previous(night, triggers.window_nights), context.period.first)
    matured_rows = history.matured(history.rows(first, night), schedule.cutoff(night), case.matured_share)
    scores, target = served_scores(run, context, trainings, first), champion.target
    recent = performance.measure_recent(
        history.labels[matured_rows], scores[matured_rows], history.nights[matured_rows], target, case.gates.confidence
    )
    champion_rows = history.rows(max(first, run.champion_terms[-1].first_night), night)
    expected = target.estimate_performance(scores[champion_rows]).get(target.display_names.metric)
    return ChampionFacts(
        night=night,
        **retraining_triggers.matured_facts(recent),
        reference_loss=champion.loss,
        expected_loss=None if expected is None else expected.value,
        new_labels=history.new_labels(schedule.cutoff(champion.night), schedule.cutoff(night)),
        age_nights=schedule.count(champion.night, night),
        trained_nights=(champion.night, *(record.night for record in run.records if record.decision.retrain)),
        drifted_share=drifted_share(champion, triggers, night, context),
        above_history=tuple(
            retraining_triggers.above_threshold(record.decision.findings)
            for record in reversed(run.records)
            if record.night >= run.champion_terms[-1].first_night
        ),
        worth=None if triggers.worth is None else age_cost.observe(run, triggers.min_nights, night, context, trainings),
    )


def drifted_share(champion: TrainedModel, triggers: Triggers, night: date, context: BacktestContext) -> float | None:
    """Return the share of drifted features; None if drift does not trigger retraining, as it then changes nothing."""
    declared, history = triggers.drift, context.history
    if declared is None or not declared.triggers_retraining:
        return None
    training_period = Period(date.fromisoformat(champion.learned_from), date.fromisoformat(champion.learned_until))
    spans = drift.comparison_periods(declared, triggers.window_nights, night, training_period, context.case.schedule)
    return history.drifted_share(declared, *spans)


def served_scores(run: PolicyRun, context: BacktestContext, trainings: Trainings, since: date = date.min) -> Floats:
    """Return each row's score as it was answered, shape (n,); NaN outside the period.

    It is that of the model that was champion on the row's night, after the layer of a policy that recalibrates. Before
    `since`, layers may be left out.
    """
    declared, scores = run.policy.recalibration, np.full(len(context.history.labels), np.nan)
    for term, answered in answered_periods(run, context):
        model, rows = model_of(term.training, trainings), context.history.rows(answered.first, answered.last)
        scores[rows] = (
            model.scores[rows]
            if declared is None
            else recalibration.served_scores(model, answered, declared, context, since)
        )
    return scores


def answered_periods(run: PolicyRun, context: BacktestContext) -> Iterator[tuple[ChampionTerm, Period]]:
    """Yield each champion's term with the nights that it answered for; none that was replaced before it answered."""
    schedule = context.case.schedule
    ends = [*(term.first_night for term in run.champion_terms[1:]), schedule.previous(context.period.last, -1)]
    for term, end in zip(run.champion_terms, ends, strict=True):
        if term.first_night < end:
            yield term, Period(term.first_night, schedule.previous(end))


def _apply_decision(
    run: PolicyRun, night: date, decision: RetrainingDecision, context: BacktestContext, trainings: Trainings
) -> PolicyRun:
    """Return the simulation after a decision; a model that is adopted is champion from the next night on."""
    if not decision.retrain:
        return replace(run, records=(*run.records, DecisionRecord(night=night, decision=decision)))
    record, champion = DecisionRecord(night=night, decision=decision), _champion(run, trainings)
    if isinstance(run.policy, Shadow):
        candidate = trainings[_shadow_training(run.policy, night, context)]
        record = admission.compare(record, candidate, champion, run.policy.margin, context)
    else:
        record = admission.judge(record, run, champion, context, trainings)
    terms = run.champion_terms
    if record.outcome == admission.ADOPTED:
        assert record.refresh is not None
        following = context.case.schedule.previous(night, -1)
        terms = (*terms, ChampionTerm(first_night=following, training=record.refresh, admission=record.admission))
    return replace(run, records=(*run.records, record), champion_terms=terms)


def _shadow_training(policy: Shadow, night: date, context: BacktestContext) -> TrainingId:
    """Return the training of the decision before `night`."""
    trained_night = context.case.schedule.previous(night, policy.interval_nights)
    return context.initial_training if trained_night == context.initial_training_night else TrainingId(trained_night)


def _run_hindsight(run: PolicyRun, policy: Hindsight, context: BacktestContext, trainings: Trainings) -> PolicyRun:
    """Return the simulation that uses, between two decisions, the best of the models available at the first."""
    schedule, decision_nights = context.case.schedule, context.decision_nights(policy)
    results = [trainings[each] for each in (context.initial_training, *map(TrainingId, decision_nights))]
    models = [each for each in results if isinstance(each, TrainedModel)]
    terms: list[ChampionTerm] = []
    for decision_night, following in pairwise((context.initial_training_night, *decision_nights, context.period.last)):
        since = schedule.previous(decision_night, -1)
        losses = {
            each.training: _loss(each, context, since, following) for each in models if each.night <= decision_night
        }
        best = min(losses, key=losses.__getitem__)
        if not terms or terms[-1].training != best:
            terms.append(ChampionTerm(first_night=since, training=best, is_adopted=bool(terms)))
    records = (DecisionRecord(night=night, decision=policy.decision) for night in decision_nights)
    return replace(run, records=tuple(records), champion_terms=tuple(terms))


def _loss(model: TrainedModel, context: BacktestContext, first: date, last: date) -> float:
    """Return a model's total loss on the labelled rows of the nights `first` to `last`."""
    rows = context.history.rows(first, last)
    labels, scores = context.history.labels[rows], model.scores[rows]
    known = ~np.isnan(labels)
    return float(model.target.row_loss(labels[known], scores[known]).sum())


def _champion(run: PolicyRun, trainings: Trainings) -> TrainedModel:
    return model_of(run.champion_terms[-1].training, trainings)
