"""From night to night under one policy, as far as the trainings at hand reach.

A walk is a pure function of rows and trainings: nothing of it needs keeping, another policy cannot change it, and one that
waited for a training goes on as if it had been there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np

from ml import evaluation, promotion, retraining
from ml.arrays import Floats
from ml.nights import Period
from ml.promotion import Answer, Bar, Judged, Outcome
from ml.replay.past import Past, Refused, Trained, Training
from ml.replay.policies import Hindsight, Policy, Scheduled, Shadow, Triggered
from ml.retraining import Decision, Facts
from ml.usecase import Triggers, UseCase

Trainings = Mapping[date, Training]
ADOPTED, REFUSED, KEPT = "adopted", "refused", str(Outcome.KEEP)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What every policy meets: the use case, its rows, the nights to walk, and whether a gate stands before a release."""

    case: UseCase
    past: Past
    period: Period
    gate: bool

    @property
    def beginning(self) -> date:
        """The night as of which the first model is trained: the one before the first that is walked."""
        return self.case.horizon.before(self.period.first)

    def looks(self, policy: Policy) -> tuple[date, ...]:
        """Return the nights that a policy looks at; on the last one nothing is to be gained any more."""
        if not policy.looks:
            return ()
        count = self.case.horizon.count(self.beginning, self.period.last)
        return tuple(
            self.case.horizon.before(self.beginning, -place) for place in range(policy.looks, count, policy.looks)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Reign:
    """From the night `since` on the model of `trained` answers."""

    since: date
    trained: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What a policy decided on a night, and what became of the model it asked for; "" where it asked for none.

    `failed` names the checks of the gate that it did not pass.
    """

    night: date
    decision: Decision
    outcome: str = ""
    reason: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """A policy's way so far; the oldest look and reign first."""

    policy: Policy
    reigns: tuple[Reign, ...]
    looks: tuple[Look, ...] = ()

    @property
    def trainings(self) -> int:
        """How many models were asked for after the first."""
        return sum(look.decision.retrain for look in self.looks)

    @property
    def releases(self) -> int:
        """How many of them were let in."""
        return len(self.reigns) - 1


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
        return retraining.decide(triggers, observe(walk, triggers, night, scene, trainings))
    assert isinstance(walk.policy, Scheduled)
    return walk.policy.decision


def observe(walk: Walk, triggers: Triggers, night: date, scene: Scene, trainings: Trainings) -> Facts:
    """Return what production would know of the champion at the cutoff of `night`."""
    case, past, horizon = scene.case, scene.past, scene.case.horizon
    champion = _champion(walk, trainings)
    first = max(horizon.before(night, triggers.window_nights), scene.period.first)
    at = past.matured(past.rows(first, night), horizon.cutoff(night), case.matured_share)
    nights = len(set(past.nights[at]))
    recent = champion.target.perform(past.labels[at], issued(walk, scene, trainings)[at], nights) if len(at) else None
    tried = [champion.night, *(look.night for look in walk.looks if look.decision.retrain)]
    return Facts(
        matured_nights=nights,
        calibration_gap=None if recent is None else recent.calibration_gap,
        loss=None if recent is None else recent.loss,
        reference_loss=champion.loss,
        new_labels=past.new_labels(horizon.cutoff(champion.night), horizon.cutoff(night)),
        age_nights=horizon.count(champion.night, night),
        nights_since_training=horizon.count(max(tried), night),
    )


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
    trained = night
    look = Look(night=night, decision=decision)
    if isinstance(walk.policy, Shadow):
        trained = scene.case.horizon.before(night, walk.policy.looks)
        look = _shadowed(look, trained, walk, walk.policy.margin, scene, trainings)
    else:
        look = _judged(look, walk, scene, trainings)
    reign = Reign(since=scene.case.horizon.before(night, -1), trained=trained)
    reigns = (*walk.reigns, reign) if look.outcome == ADOPTED else walk.reigns
    return replace(walk, looks=(*walk.looks, look), reigns=reigns)


def _judged(look: Look, walk: Walk, scene: Scene, trainings: Trainings) -> Look:
    """Return what became of the model that was asked for: judged by the gate, or without one let in as it comes."""
    challenger, champion = trainings[look.night], _champion(walk, trainings)
    if isinstance(challenger, Refused):
        return replace(look, outcome=REFUSED, reason=challenger.reason)
    if not scene.gate:
        return replace(look, outcome=ADOPTED, reason="no gate was asked")
    judged = _frozen(champion, challenger, scene)
    if judged.nights.min() <= champion.used_until:
        used = f"the champion has used nights up to {champion.used_until}: too few are left to judge on"
        return replace(look, outcome=REFUSED, reason=used)
    verdict = promotion.judge(judged, scene.case.gates, Bar.REFRESH, challenger.target, also=challenger.checks)
    failed = tuple(check.name for check in verdict.checks if check.answer is not Answer.PASS)
    outcome = ADOPTED if verdict.outcome is Outcome.PROMOTE else str(verdict.outcome)
    return replace(look, outcome=outcome, reason=verdict.reason, failed=failed)


def _frozen(champion: Trained, challenger: Trained, scene: Scene) -> Judged:
    """Return the rows that the challenger was held out from, as both models and the baselines answer them."""
    past, case = scene.past, scene.case
    cutoff = case.horizon.cutoff(challenger.night)
    rows = past.matured(past.rows(challenger.learned_until, challenger.used_until), cutoff, case.matured_share)
    at = rows[past.nights[rows] > challenger.learned_until]
    return Judged(
        labels=past.labels[at],
        champion=champion.scores[at],
        challenger=challenger.scores[at],
        nights=past.nights[at],
        slices=evaluation.slices(case.slices, {by: each[at] for by, each in past.levels.items()}),
        baselines=challenger.baselines,
    )


def _shadowed(look: Look, trained: date, walk: Walk, margin: float, scene: Scene, trainings: Trainings) -> Look:
    """Return what became of the model of the look before: whether it has done better in the shadow since."""
    past, candidate, champion = scene.past, trainings[trained], _champion(walk, trainings)
    since = past.rows(scene.case.horizon.before(trained, -1), look.night)
    at = past.matured(since, scene.case.horizon.cutoff(look.night), scene.case.matured_share)
    if isinstance(candidate, Refused) or trained == champion.night or not len(at):
        return replace(look, outcome=KEPT, reason="nothing was in the shadow")
    lost = [champion.target.row_loss(past.labels[at], each.scores[at]).mean() for each in (champion, candidate)]
    gain = float(lost[0] - lost[1])
    told = f"gained {gain:.4f} in the shadow (bar: {margin:g})"
    return replace(look, outcome=ADOPTED if gain > margin else KEPT, reason=told)


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
