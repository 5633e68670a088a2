"""Refit: train the judged recipe again, now also on the judged rows; only an equivalent refit is released."""

from dataclasses import dataclass

import pandas as pd

from include.steps.context import NightContext
from include.steps.train import candidates
from include.steps.train.candidates import CandidateSelection, SplitRows
from include.steps.train.plan import Plan
from include.stores import ledger
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.promotion import refit_equivalence
from ml.promotion.gate import Check, GateRule, HoldoutScores, Outcome, PromotionVerdict
from ml.promotion.refit_equivalence import ScorePair
from ml.training import fitting
from ml.training.fitting import Model


@dataclass(frozen=True, kw_only=True)
class RefitResult:
    """A model trained on all labelled rows, and the checks of its agreement with the judged model."""

    model: Model
    checks: tuple[Check, ...]


def run(
    context: NightContext,
    plan: Plan,
    rows: SplitRows,
    selection: CandidateSelection,
    frozen: HoldoutScores,
    waiting: pd.DataFrame,
    verdict: PromotionVerdict,
) -> RefitResult | None:
    """Return the refit of the chosen candidate on all labelled rows; None if nothing needs it or none is declared.

    `waiting` are the feature rows of the nights that wait for labels. A refit is needed for what the gate promotes and
    for every refresh: a refresh may be adopted unproven, and what it gains over the nights to come is evidence for its
    recipe even if it is not.
    """
    if context.case.refit is None or not (verdict.outcome is Outcome.PROMOTE or verdict.rule is GateRule.REFRESH):
        return None
    model = fitting.refit(
        selection.best, candidates.gather_material(context, rows.labelled, selection.target, plan.seed)
    )
    unlabelled_pair = ScorePair(judged=selection.best.model.predict(waiting), refit=model.predict(waiting))
    judged_pair = ScorePair(judged=frozen.challenger, refit=model.predict(rows.judged.frame))
    bars = refit_equivalence.bars_from_history(_earlier_checks(context), context.case.refit)
    checks = refit_equivalence.refit_checks(unlabelled_pair, judged_pair, frozen.labels, selection.target, bars)
    return RefitResult(model=model, checks=checks)


def _earlier_checks(context: NightContext) -> list[tuple[Check, ...]]:
    """Return the checks of the use case's refits that were compared before the context's night, oldest first."""
    judged = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED)
    earlier = [ledger_entries.read(each, Verdict).refit for each in judged if each.night and each.night < context.night]
    return [each.checks for each in earlier if each is not None]
