"""The admission of a judged challenger: proven by the gate, or a screened refresh under a licence or an allowance."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ml.governance.checks import Check, CheckStatus
from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries
from ml.promotion.gate import GateRule, Outcome, PromotionVerdict
from ml.usecase.adoption import Adoption


class Admission(StrEnum):
    """The evidence on which a challenger is admitted.

    `PROOF`: the gate showed it better. `LICENCE`: refreshes of its recipe were shown better than the anchor, and it
    passed the screen. `ALLOWANCE`: it is unproven, and passed the screen.
    """

    PROOF = "proof"
    LICENCE = "licence"
    ALLOWANCE = "allowance"


def is_unproven(admission: str | None) -> bool:
    """Return whether a challenger was admitted without being shown better; `admission` is as it is recorded.

    >>> is_unproven("allowance"), is_unproven("proof"), is_unproven(None)
    (True, False, False)
    """
    return admission in (Admission.LICENCE, Admission.ALLOWANCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipeRecord:
    """What is known about a recipe when one of its refreshes is judged.

    `evidence` is the e-value of its refreshes over the anchor, now, and `is_licensed` whether it ever reached the
    licence. `allowance_used` is the number of refreshes adopted under the allowance. `harm` is the loss of the
    unproven models beyond that of the last proven one, summed over nights; `stopped` says why nothing is adopted
    unproven any more, "" if it may be. `anchor` names the anchor.
    """

    anchor: str
    evidence: float = 1.0
    is_licensed: bool = False
    allowance_used: int = 0
    harm: float = 0.0
    stopped: str = ""

    def with_evidence(self, series: GainSeries, declared: Adoption) -> "RecipeRecord":
        """Return the record with the evidence of `series`, the gains of the recipe's refreshes over the anchor."""
        e_values = evidence.e_values(series, declared)
        if not len(e_values):
            return self
        is_licensed = evidence.reached(series, declared, declared.licence) is not None
        return replace(self, evidence=float(e_values[-1]), is_licensed=is_licensed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The decision on a challenger: how it is admitted, None if it is not, and a sentence that says why."""

    admission: Admission | None
    reason: str

    def apply(self, verdict: PromotionVerdict) -> PromotionVerdict:
        """Return `verdict`, promoted if the challenger is admitted on other evidence than the gate's."""
        if not is_unproven(self.admission):
            return verdict
        return replace(verdict, outcome=Outcome.PROMOTE, admitted=self.reason)


def decide(
    verdict: PromotionVerdict, screened: tuple[Check, ...], record: RecipeRecord | None, declared: Adoption | None
) -> Decision:
    """Return the decision on the challenger that `verdict` judged.

    `screened` are the checks of the screen and of the refit. `record` is that of its recipe; without a record or a
    declaration only the gate admits. A change of recipe is admitted by proof only.
    """
    if verdict.outcome is Outcome.PROMOTE:
        return Decision(admission=Admission.PROOF, reason=verdict.reason)
    if declared is None or record is None or verdict.rule is not GateRule.REFRESH or not verdict.is_only_unproven:
        return Decision(admission=None, reason=verdict.reason)
    failed = [each.describe() for each in screened if each.status is not CheckStatus.PASS]
    if failed:
        return Decision(admission=None, reason=f"{verdict.reason}; the screen: {'; '.join(failed)}")
    not_worse = f"not shown worse on {verdict.nights} nights"
    if record.stopped:
        return Decision(admission=None, reason=f"{verdict.reason}; {not_worse}, but {record.stopped}")
    if record.is_licensed:
        return Decision(
            admission=Admission.LICENCE,
            reason=f"licensed: refreshes of this recipe were shown better than the anchor {record.anchor} "
            f"(e = {record.evidence:.1f}, licence at {declared.licence:g}); {not_worse}",
        )
    if record.allowance_used < declared.allowance:
        used = f"allowance {record.allowance_used + 1} of {declared.allowance}"
        return Decision(
            admission=Admission.ALLOWANCE,
            reason=f"unproven ({used}, e = {record.evidence:.1f} of {declared.licence:g}): {not_worse}",
        )
    return Decision(
        admission=None,
        reason=f"{verdict.reason}; {not_worse}, but the allowance of {declared.allowance} is used up and the recipe "
        f"has no licence (e = {record.evidence:.1f} of {declared.licence:g})",
    )
