"""Refit: train the promoted recipe again, now also on the judged rows; only an equivalent refit is released."""

from dataclasses import dataclass
from datetime import date

from include.steps.context import StepContext
from include.steps.features import training_set
from include.steps.train import candidates
from include.steps.train.candidates import CandidateSelection, SplitRows
from include.steps.train.plan import Plan
from include.stores import table_snapshot
from ml.promotion import refit_equivalence
from ml.promotion.gate import Check, HoldoutScores, Outcome, PromotionVerdict
from ml.promotion.refit_equivalence import ScorePair
from ml.training import fitting
from ml.training.fitting import Model


@dataclass(frozen=True, kw_only=True)
class RefitResult:
    """A model trained on all labelled rows, and the checks of its agreement with the judged model."""

    model: Model
    checks: tuple[Check, ...]


def run_if_promoted(
    verdict: PromotionVerdict,
    context: StepContext,
    plan: Plan,
    rows: SplitRows,
    selection: CandidateSelection,
    frozen: HoldoutScores,
) -> RefitResult | None:
    """Return the refit if the verdict is promote; None if it is not, or if the use case declares no refit."""
    if context.case.refit is None or verdict.outcome is not Outcome.PROMOTE:
        return None
    model = fitting.refit(
        selection.best, candidates.gather_material(context, rows.labelled, selection.target, plan.seed)
    )
    tables, night = table_snapshot.take(context.case, context.settings, plan.reads), date.fromisoformat(plan.night)
    unlabelled_rows = training_set.unlabelled_rows(context.at(night), tables, str(rows.judged.nights.max()))
    unlabelled_pair = ScorePair(
        judged=selection.best.model.predict(unlabelled_rows), refit=model.predict(unlabelled_rows)
    )
    judged_pair = ScorePair(judged=frozen.challenger, refit=model.predict(rows.judged.frame))
    checks = refit_equivalence.refit_checks(
        unlabelled_pair, judged_pair, frozen.labels, selection.target, context.case.refit
    )
    return RefitResult(model=model, checks=checks)
