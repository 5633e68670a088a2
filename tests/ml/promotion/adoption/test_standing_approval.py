"""A standing approval covers a refresh within its terms, and nothing else."""

import re
from dataclasses import replace
from datetime import date

import pytest

from ml.promotion.adoption import standing_approval
from ml.promotion.adoption.standing_approval import Applicant, Terms, Usage
from ml.promotion.gate import GateRule
from ml.usecase import Adoption, UseCase

TODAY = date(2024, 5, 1)
TERMS = Terms(
    recipe="r" * 64,
    rules="d" * 64,
    adoptions=3,
    nights_between=7,
    harm_budget=0.2,
    until=date(2024, 6, 30),
    who="ann",
    why="routine refreshes",
)
APPLICANT = Applicant(
    night=date(2024, 4, 20), rule=GateRule.REFRESH, recipe="r" * 64, champion_recipe="r" * 64, rules="d" * 64
)
UNUSED = Usage()


def refuse(usage: Usage = UNUSED, applicant: Applicant = APPLICANT, today: date = TODAY) -> str:
    return standing_approval.refusal(TERMS, usage, applicant, today, lambda first, last: (last - first).days)


@pytest.mark.parametrize(
    ("usage", "today"),
    [
        (Usage(), TODAY),
        (Usage(), date(2024, 6, 30)),
        (Usage(adopted=(date(2024, 4, 1), date(2024, 4, 13))), TODAY),
        (Usage(harm=0.2), TODAY),
        (Usage(harm=-3.0), TODAY),
    ],
    ids=["unused", "on the last day", "two of three, seven nights ago", "the whole budget", "a gain"],
)
def test_a_refresh_within_the_terms_is_covered(usage: Usage, today: date) -> None:
    assert refuse(usage, today=today) == ""


@pytest.mark.parametrize(
    ("usage", "applicant", "today", "reason"),
    [
        (Usage(revoked="bob: stop it"), APPLICANT, TODAY, "it was revoked: bob: stop it"),
        (Usage(), APPLICANT, date(2024, 7, 1), "it ended on 2024-06-30"),
        (Usage(adopted=(date(2024, 3, 1),) * 3), APPLICANT, TODAY, "all 3 adoptions that it allows were made"),
        (Usage(adopted=(date(2024, 4, 14),)), APPLICANT, TODAY, "at least 7 nights must lie between two"),
        (Usage(adopted=(date(2024, 4, 20),)), APPLICANT, TODAY, "at least 7 nights must lie between two"),
        (Usage(harm=0.21), APPLICANT, TODAY, r"have lost 0\.210 of the 0\.2 that it allows"),
        (Usage(rolled_back="b" * 64), APPLICANT, TODAY, "the model bbbbbbbbbbbb, .* was rolled back"),
        (Usage(), replace(APPLICANT, recipe="s" * 64), TODAY, "this package has the recipe ssssssssssss"),
        (Usage(), replace(APPLICANT, champion_recipe="s" * 64), TODAY, "a change of recipe"),
        (Usage(), replace(APPLICANT, rule=GateRule.CHANGE), TODAY, "a change of recipe"),
        (Usage(), replace(APPLICANT, rule=GateRule.BOOTSTRAP), TODAY, "a change of recipe"),
        (Usage(), replace(APPLICANT, rule=None), TODAY, "a change of recipe"),
        (Usage(), replace(APPLICANT, rules="e" * 64), TODAY, "declared otherwise"),
        (Usage(), replace(APPLICANT, is_overridden=True), TODAY, "a person overrode the gate"),
    ],
    ids=[
        "revoked",
        "expired",
        "overdrawn",
        "too soon",
        "trained twice as of a night",
        "harm",
        "rolled back",
        "another recipe",
        "another champion",
        "a change",
        "a first model",
        "a verdict without a rule",
        "other rules",
        "an override",
    ],
)
def test_whatever_the_terms_do_not_cover_is_refused_with_its_reason(
    usage: Usage, applicant: Applicant, today: date, reason: str
) -> None:

    assert re.search(reason, refuse(usage, applicant, today))


def test_the_digest_of_the_rules_follows_what_admits_and_nothing_else(taxi: UseCase) -> None:
    rules = standing_approval.rules_digest(taxi)
    assert standing_approval.rules_digest(replace(taxi, owner="another")) == rules
    for changed in (
        replace(taxi, gates=replace(taxi.gates, judged_nights=taxi.gates.judged_nights + 1)),
        replace(taxi, adoption=Adoption(allowance=20)),
        replace(taxi, adoption=None),
        replace(taxi, release=replace(taxi.release, approvers=("tech_lead", "somebody"))),
    ):
        assert standing_approval.rules_digest(changed) != rules
