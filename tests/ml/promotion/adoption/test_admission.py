"""Who is admitted on which evidence: a table of cases over the gate's verdict, the screen, and the recipe's record."""

from dataclasses import replace

import pytest

from ml.governance.checks import Check, CheckStatus
from ml.promotion.adoption import admission
from ml.promotion.adoption.admission import Admission, RecipeRecord
from ml.promotion.gate import SHOWN_BETTER, GateRule, Outcome, PromotionVerdict
from ml.statistics.intervals import Interval
from ml.targets import display_names
from ml.usecase import Adoption

NOTHING = Interval(value=0.0, low=-0.01, high=0.01)
DECLARED = Adoption(allowance=2)


def check(name: str, status: CheckStatus) -> Check:
    return Check(name=name, value=0.0, bar="", status=status)


def verdict(
    *checks: Check, outcome: Outcome = Outcome.INCONCLUSIVE, rule: GateRule = GateRule.REFRESH
) -> PromotionVerdict:
    return PromotionVerdict(
        outcome=outcome,
        rule=rule,
        gain=NOTHING,
        cost_gain=NOTHING,
        rows=9000,
        nights=7,
        checks=checks,
        display_names=display_names.BINARY,
    )


PASSED = check("ROC AUC", CheckStatus.PASS)
UNPROVEN = verdict(PASSED, check(SHOWN_BETTER, CheckStatus.INCONCLUSIVE))
NOT_BETTER = verdict(PASSED, check(SHOWN_BETTER, CheckStatus.FAIL), outcome=Outcome.KEEP)
WORSE = verdict(check("log loss gain", CheckStatus.FAIL), check(SHOWN_BETTER, CheckStatus.FAIL), outcome=Outcome.KEEP)
PROVEN = verdict(PASSED, check(SHOWN_BETTER, CheckStatus.PASS), outcome=Outcome.PROMOTE)
NEW = RecipeRecord(anchor="c0ffee")
LICENSED = replace(NEW, evidence=14.0, is_licensed=True, allowance_used=2)
SPENT = replace(NEW, evidence=4.0, allowance_used=2)
STOPPED = replace(LICENSED, stopped="the harm budget is used up")


@pytest.mark.parametrize(
    ("judged", "record", "expected", "words"),
    [
        pytest.param(PROVEN, NEW, Admission.PROOF, "checks", id="shown better"),
        pytest.param(PROVEN, STOPPED, Admission.PROOF, "checks", id="shown better, after the end"),
        pytest.param(UNPROVEN, NEW, Admission.ALLOWANCE, "unproven (allowance 1 of 2", id="allowance"),
        pytest.param(NOT_BETTER, NEW, Admission.ALLOWANCE, "not shown worse on 7 nights", id="not the better estimate"),
        pytest.param(WORSE, NEW, None, "log loss gain", id="shown worse"),
        pytest.param(WORSE, LICENSED, None, "log loss gain", id="shown worse, with a licence"),
        pytest.param(
            UNPROVEN, LICENSED, Admission.LICENCE, "shown better than the anchor c0ffee (e = 14.0", id="licence"
        ),
        pytest.param(UNPROVEN, SPENT, None, "the allowance of 2 is used up", id="allowance used up"),
        pytest.param(UNPROVEN, STOPPED, None, "the harm budget is used up", id="stopped"),
        pytest.param(UNPROVEN, None, None, SHOWN_BETTER, id="nothing known about the recipe"),
        pytest.param(replace(UNPROVEN, rule=GateRule.CHANGE), LICENSED, None, SHOWN_BETTER, id="another recipe"),
    ],
)
def test_the_admission_of_a_challenger(
    judged: PromotionVerdict, record: RecipeRecord | None, expected: Admission | None, words: str
) -> None:
    decision = admission.decide(judged, (PASSED,), record, DECLARED)
    assert decision.admission is expected
    assert words in decision.reason
    applied = decision.apply(judged)
    assert (applied.outcome is Outcome.PROMOTE) == (expected is not None)
    assert applied.reason == decision.reason if expected else applied == judged


@pytest.mark.parametrize("record", [NEW, LICENSED], ids=["allowance", "licence"])
@pytest.mark.parametrize("status", [CheckStatus.FAIL, CheckStatus.INCONCLUSIVE])
def test_what_the_screen_rejects_is_left_to_proof(record: RecipeRecord, status: CheckStatus) -> None:
    decision = admission.decide(UNPROVEN, (check("shift of the mean score", status),), record, DECLARED)
    assert decision.admission is None
    assert "shift of the mean score" in decision.reason
    assert admission.decide(PROVEN, (check("shift", status),), record, DECLARED).admission is Admission.PROOF


@pytest.mark.parametrize("declared", [None, Adoption(allowance=0)], ids=["not declared", "no allowance"])
def test_without_an_allowance_a_recipe_waits_for_proof(declared: Adoption | None) -> None:
    assert admission.decide(UNPROVEN, (), NEW, declared).admission is None
