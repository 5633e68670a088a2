"""The admission of a judged challenger: by the gate, or as a screened refresh under a licence or an allowance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.steps.adoption import record as recipe_records
from include.steps.context import NightContext
from include.steps.features.training_set import LabelledRows
from include.steps.train.candidates import CandidateSelection
from include.steps.train.champion import Champion
from include.steps.train.refit import RefitResult
from include.stores.table_snapshot import TableSnapshot
from ml.governance.ledger_entries import AdoptionRecord
from ml.promotion.adoption import admission, screen
from ml.promotion.adoption.admission import Admission, RecipeRecord
from ml.promotion.adoption.screen import ScreenedScores
from ml.promotion.gate import Check, GateRule, HoldoutScores, PromotionVerdict
from ml.usecase.adoption import Adoption


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """The verdict after the decision on admission, the evidence that admits, and the record that it was based on."""

    verdict: PromotionVerdict
    admission: Admission | None
    record: AdoptionRecord | None = None


def admit(
    context: NightContext,
    tables: TableSnapshot,
    selection: CandidateSelection,
    frozen: HoldoutScores,
    waiting: pd.DataFrame,
    learned: LabelledRows,
    champion: Champion,
    recipe: str,
    verdict: PromotionVerdict,
    refit_result: RefitResult | None,
) -> Admitted:
    """Return the decision on the challenger that `verdict` judged; the record is there for every refresh.

    `waiting` are the feature rows of the nights that wait for labels, and `learned` the rows that the model to release
    was fitted on.
    """
    declared = context.case.adoption
    if declared is None or verdict.rule is not GateRule.REFRESH:
        decision = admission.decide(verdict, (), None, declared)
        return Admitted(verdict=decision.apply(verdict), admission=decision.admission)
    record = recipe_records.measure(context, recipe, str(champion.digest), tables)
    assert record is not None
    assert champion.model is not None
    released = selection.best.model if refit_result is None else refit_result.model
    screened = screen.checks(
        ScreenedScores(
            champion=champion.model.predict(waiting) if len(waiting) else np.zeros(0),
            released=released.predict(waiting) if len(waiting) else np.zeros(0),
            labels=frozen.labels,
            judged=frozen.challenger,
            released_nights=len(np.unique(learned.nights)),
            champion_nights=champion.count_fitted_nights(context.case.schedule),
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
