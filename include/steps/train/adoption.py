"""The admission of a judged challenger: by the gate, or as a screened refresh of a recipe with a licence or allowance."""

from dataclasses import dataclass

import numpy as np

from include.steps.adoption import record as recipe_records
from include.steps.context import NightContext
from include.steps.train import refit
from include.steps.train.candidates import CandidateSelection, SplitRows
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.refit import RefitResult
from include.stores import table_snapshot
from ml.governance.ledger_entries import AdoptionRecord
from ml.promotion.adoption import admission, screen
from ml.promotion.adoption.admission import Admission, RecipeRecord
from ml.promotion.adoption.screen import ScreenedScores
from ml.promotion.gate import Check, GateRule, HoldoutScores, Outcome, PromotionVerdict
from ml.usecase.adoption import Adoption


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """The verdict after the decision on admission, the evidence that admits, and the record that it was based on."""

    verdict: PromotionVerdict
    admission: Admission | None
    record: AdoptionRecord | None = None


def admit(
    context: NightContext,
    plan: Plan,
    rows: SplitRows,
    selection: CandidateSelection,
    frozen: HoldoutScores,
    champion: Champion,
    recipe: str,
    verdict: PromotionVerdict,
    refit_result: RefitResult | None,
) -> Admitted:
    """Return the decision on the challenger that `verdict` judged."""
    declared = context.case.adoption
    if declared is None or verdict.rule is not GateRule.REFRESH or verdict.outcome is Outcome.PROMOTE:
        decision = admission.decide(verdict, (), None, declared)
        return Admitted(verdict=decision.apply(verdict), admission=decision.admission)
    tables = table_snapshot.take(context.case, context.settings, plan.reads)
    record = recipe_records.measure(context, recipe, str(champion.digest), tables)
    assert record is not None
    assert champion.model is not None
    waiting = refit.waiting_rows(context, plan, rows)
    released = selection.best.model if refit_result is None else refit_result.model
    screened = screen.checks(
        ScreenedScores(
            champion=champion.model.predict(waiting) if len(waiting) else np.zeros(0),
            released=released.predict(waiting) if len(waiting) else np.zeros(0),
            labels=frozen.labels,
            judged=frozen.challenger,
        ),
        selection.target,
        declared,
    )
    screened = (*screened, *(refit_result.checks if refit_result else ()))
    decision = admission.decide(verdict, screened, record, declared)
    return Admitted(
        verdict=decision.apply(verdict),
        admission=decision.admission,
        record=_stored(record, screened, declared),
    )


def _stored(record: RecipeRecord, screened: tuple[Check, ...], declared: Adoption) -> AdoptionRecord:
    return AdoptionRecord(
        anchor=record.anchor,
        evidence=record.evidence,
        licence=declared.licence,
        is_licensed=record.is_licensed,
        allowance_used=record.allowance_used,
        allowance=declared.allowance,
        harm=record.harm,
        harm_budget=declared.harm_budget,
        checks=screened,
    )
