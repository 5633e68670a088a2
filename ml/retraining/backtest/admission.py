"""Whether a model that was asked for is let in: by production's gate, by none, or by how it did in the shadow."""

from dataclasses import replace

import numpy as np

from ml.promotion import gate
from ml.promotion.gate import Answer, Bar, Judged, Outcome
from ml.retraining.backtest.context import Look, Scene
from ml.retraining.backtest.history import Refused, Trained, Training
from ml.statistics import intervals

ADOPTED, REFUSED, KEPT = "adopted", "refused", str(Outcome.KEEP)


def judge(look: Look, challenger: Training, champion: Trained, scene: Scene) -> Look:
    """Return what became of the model that was asked for: judged by the gate, or without one let in as it comes."""
    if isinstance(challenger, Refused):
        return replace(look, outcome=REFUSED, reason=challenger.reason)
    if not scene.gate:
        return replace(look, outcome=ADOPTED, reason="no gate was asked")
    judged = _frozen(champion, challenger, scene)
    if len(np.unique(judged.nights)) < scene.case.gates.judged_nights:
        used = f"the champion has used nights up to {champion.used_until}: too few are left to judge on"
        return replace(look, outcome=REFUSED, reason=used)
    verdict = gate.judge(judged, scene.case.gates, Bar.REFRESH, challenger.target, also=challenger.checks)
    failed = tuple(check.name for check in verdict.checks if check.answer is not Answer.PASS)
    outcome = ADOPTED if verdict.outcome is Outcome.PROMOTE else str(verdict.outcome)
    return replace(look, outcome=outcome, reason=verdict.reason, failed=failed)


def _frozen(champion: Trained, challenger: Trained, scene: Scene) -> Judged:
    """Return the rows that neither model has used, as both and the baselines answer them."""
    past, case = scene.past, scene.case
    cutoff = case.horizon.cutoff(challenger.night)
    rows = past.matured(past.rows(challenger.learned_until, challenger.used_until), cutoff, case.matured_share)
    at = rows[past.nights[rows] > max(challenger.learned_until, champion.used_until)]
    return Judged(
        labels=past.labels[at],
        champion=champion.scores[at],
        challenger=challenger.scores[at],
        nights=past.nights[at],
        slices=intervals.slices(case.slices, {by: each[at] for by, each in past.levels.items()}),
        baselines={name: each[at] for name, each in challenger.baselines.items()},
    )


def compare(look: Look, candidate: Training, champion: Trained, margin: float, scene: Scene) -> Look:
    """Return what became of the model of the look before: whether it has done better in the shadow since."""
    past, trained = scene.past, candidate.night
    since = past.rows(scene.case.horizon.before(trained, -1), look.night)
    at = past.matured(since, scene.case.horizon.cutoff(look.night), scene.case.matured_share)
    if isinstance(candidate, Refused) or trained == champion.night or not len(at):
        return replace(look, outcome=KEPT, reason="nothing was in the shadow")
    lost = [champion.target.row_loss(past.labels[at], each.scores[at]).mean() for each in (champion, candidate)]
    gain = float(lost[0] - lost[1])
    told = f"gained {gain:.4f} in the shadow (bar: {margin:g})"
    return replace(look, outcome=ADOPTED if gain > margin else KEPT, reason=told)
