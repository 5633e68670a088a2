"""From night to night under one policy, as far as the trainings at hand reach.

A walk is a pure function of rows and trainings: nothing of it needs keeping, another policy cannot change it, and one that
waited for a training goes on as if it had been there.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np

from ml.arrays import Floats
from ml.monitoring import drift, performance
from ml.periods import Period
from ml.retraining import triggers as retraining_triggers
from ml.retraining.backtest import admission
from ml.retraining.backtest.context import Look, Reign, Scene, Walk
from ml.retraining.backtest.history import Trained, Training
from ml.retraining.backtest.policies import Hindsight, Policy, Scheduled, Shadow, Triggered
from ml.retraining.triggers import Decision, Facts
from ml.usecase import Triggers

Trainings = Mapping[date, Training]


def begin(policy: Policy, scene: Scene) -> Walk:
    """Return the walk before its first night: the first model is let in without a gate."""
    return Walk(policy=policy, reigns=(Reign(since=scene.period.first, trained=scene.beginning),))


def foreseen(policy: Policy, scene: Scene) -> tuple[date, ...]:
    """Return the nights of which it is certain beforehand that a training is needed."""
    return (scene.beginning, *(scene.looks(policy) if isinstance(policy, Scheduled) else ()))


def advance(walk: Walk, scene: Scene, trainings: Trainings) -> tuple[Walk, date | None]:
    """Return the walk as far as `trainings` carry it, and the night of the training it waits for; None at its end."""
    missing = next((night for night in foreseen(walk.policy, scene) if night not in trainings), None)
    if missing is not None:
        return walk, missing
    if isinstance(walk.policy, Hindsight):
        return _foresee(walk, walk.policy, scene, trainings), None
    for night in scene.looks(walk.policy)[len(walk.looks) :]:
        decision = _decide(walk, night, scene, trainings)
        if decision.retrain and night not in trainings:
            return walk, night
        walk = _looked(walk, night, decision, scene, trainings)
    return walk, None


def _decide(walk: Walk, night: date, scene: Scene, trainings: Trainings) -> Decision:
    if isinstance(walk.policy, Triggered):
        triggers = walk.policy.triggers
        return retraining_triggers.decide(
            triggers, observe(walk, triggers, night, scene, trainings), scene.case.horizon
        )
    assert isinstance(walk.policy, Scheduled)
    return walk.policy.decision


def observe(walk: Walk, triggers: Triggers, night: date, scene: Scene, trainings: Trainings) -> Facts:
    """Return what production would know of the champion at the cutoff of `night`."""
    case, past, horizon = scene.case, scene.past, scene.case.horizon
    champion = _champion(walk, trainings)
    first = max(horizon.before(night, triggers.window_nights), scene.period.first)
    at = past.matured(past.rows(first, night), horizon.cutoff(night), case.matured_share)
    scores, target = issued(walk, scene, trainings), champion.target
    recent = performance.recent(past.labels[at], scores[at], past.nights[at], target, case.gates.confidence)
    own = past.rows(max(first, walk.reigns[-1].since), night)
    expected = target.expect(scores[own]).get(target.words.metric)
    return Facts(
        night=night,
        **retraining_triggers.matured(recent),
        reference_loss=champion.loss,
        expected_loss=None if expected is None else expected.value,
        new_labels=past.new_labels(horizon.cutoff(champion.night), horizon.cutoff(night)),
        age_nights=horizon.count(champion.night, night),
        tried=(champion.night, *(look.night for look in walk.looks if look.decision.retrain)),
        drifted_share=drifted_share(champion, triggers, night, scene),
        above=tuple(
            retraining_triggers.above(look.decision.findings)
            for look in reversed(walk.looks)
            if look.night >= walk.reigns[-1].since
        ),
    )


def drifted_share(champion: Trained, triggers: Triggers, night: date, scene: Scene) -> float | None:
    """Return which share of the features has moved, where that asks: what is only shown changes no walk."""
    declared, past = triggers.drift, scene.past
    if declared is None or not declared.asks:
        return None
    learned = Period(date.fromisoformat(champion.learned_from), date.fromisoformat(champion.learned_until))
    spans = drift.spans(declared, triggers.window_nights, night, learned, scene.case.horizon)
    return past.drifted_share(declared, *spans)


def issued(walk: Walk, scene: Scene, trainings: Trainings) -> Floats:
    """Return the score that each row of the past got from whichever model answered on its night, shape (n,)."""
    scores = np.full(len(scene.past.labels), np.nan)
    ends = [*(reign.since for reign in walk.reigns[1:]), scene.case.horizon.before(scene.period.last, -1)]
    for reign, end in zip(walk.reigns, ends, strict=True):
        rows = scene.past.rows(reign.since, scene.case.horizon.before(end))
        scores[rows] = _model(reign.trained, trainings).scores[rows]
    return scores


def _looked(walk: Walk, night: date, decision: Decision, scene: Scene, trainings: Trainings) -> Walk:
    """Return the walk after a look, with a new reign from the next night on where one begins."""
    if not decision.retrain:
        return replace(walk, looks=(*walk.looks, Look(night=night, decision=decision)))
    look, champion, trained = Look(night=night, decision=decision), _champion(walk, trainings), night
    if isinstance(walk.policy, Shadow):
        trained = scene.case.horizon.before(night, walk.policy.looks)
        look = admission.compare(look, trainings[trained], champion, walk.policy.margin, scene)
    else:
        look = admission.judge(look, trainings[night], champion, scene)
    reign = Reign(since=scene.case.horizon.before(night, -1), trained=trained)
    reigns = (*walk.reigns, reign) if look.outcome == admission.ADOPTED else walk.reigns
    return replace(walk, looks=(*walk.looks, look), reigns=reigns)


def _foresee(walk: Walk, policy: Hindsight, scene: Scene, trainings: Trainings) -> Walk:
    """Return the walk of whoever answers each stretch with the best of the models that are there at its beginning."""
    horizon, looks = scene.case.horizon, scene.looks(policy)
    grown = [trainings[night] for night in (scene.beginning, *looks)]
    models = [each for each in grown if isinstance(each, Trained)]
    reigns: list[Reign] = []
    for look, following in pairwise((scene.beginning, *looks, scene.period.last)):
        since = horizon.before(look, -1)
        losses = {each.night: _loss(each, scene, since, following) for each in models if each.night <= look}
        best = min(losses, key=losses.__getitem__)
        if not reigns or reigns[-1].trained != best:
            reigns.append(Reign(since=since, trained=best))
    decided = (Look(night=night, decision=policy.decision) for night in looks)
    return replace(walk, looks=tuple(decided), reigns=tuple(reigns))


def _loss(model: Trained, scene: Scene, first: date, last: date) -> float:
    """Return what a model loses on the labelled rows of some nights."""
    rows = scene.past.rows(first, last)
    labels, scores = scene.past.labels[rows], model.scores[rows]
    known = ~np.isnan(labels)
    return float(model.target.row_loss(labels[known], scores[known]).sum())


def _champion(walk: Walk, trainings: Trainings) -> Trained:
    return _model(walk.reigns[-1].trained, trainings)


def _model(night: date, trainings: Trainings) -> Trained:
    found = trainings[night]
    assert isinstance(found, Trained), found
    return found
