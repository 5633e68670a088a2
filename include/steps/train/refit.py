"""The promoted recipe once more, on the judged rows too; it stands for the judged model only where the two agree."""

from dataclasses import dataclass
from datetime import date

from include.settings import Settings
from include.steps.features import training_set
from include.steps.train import candidates
from include.steps.train.candidates import Contest, Rows
from include.steps.train.plan import Plan
from include.stores import table_snapshot
from ml.promotion import refit_equivalence
from ml.promotion.gate import Check, Judged, Outcome, Verdict
from ml.promotion.refit_equivalence import Pair
from ml.training import fitting
from ml.training.fitting import Model
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class Refitting:
    """A model that learned from all labelled rows, and its checks against the model that was judged."""

    model: Model
    checks: tuple[Check, ...]


def after(
    verdict: Verdict, case: UseCase, plan: Plan, rows: Rows, held: Contest, frozen: Judged, settings: Settings
) -> Refitting | None:
    """Return the refit once the gate said promote; None where it did not, or the use case declares none."""
    if case.refit is None or verdict.outcome is not Outcome.PROMOTE:
        return None
    model = fitting.refit(held.best, candidates.gathered(case, rows.labelled, held.target, plan.seed, settings))
    tables, night = table_snapshot.take(case, settings, plan.reads), date.fromisoformat(plan.night)
    waiting = training_set.waiting(case, night, tables, settings, str(rows.judged.nights.max()))
    ahead = Pair(judged=held.best.model.predict(waiting), refit=model.predict(waiting))
    seen = Pair(judged=frozen.challenger, refit=model.predict(rows.judged.frame))
    checks = refit_equivalence.measure(ahead, seen, frozen.labels, held.target, case.refit)
    return Refitting(model=model, checks=checks)
