"""The card's passages say how good on which rows, which rules are weak, and who is treated how."""

from dataclasses import replace

import numpy as np
import pytest

from ml.evaluation import diagnostics
from ml.evaluation.diagnostics import Diagnostics
from ml.model_card import sections
from ml.promotion.gate import Check, CheckStatus
from ml.promotion.refit_equivalence import RefitComparison
from ml.usecase import EdgeCase, Fairness, UseCase
from tests.ml.answers import YES_OR_NO, answered, zones
from tests.ml.usecase.test_use_case import use_case

JUDGED = answered()
UNFAIR = replace(
    JUDGED, scores=np.where(JUDGED.frame["zone"] == "south", JUDGED.scores * 0.6, JUDGED.scores).astype(np.float64)
)
EARLIER = answered(nights=20, seed=3)
WEAK = replace(EARLIER, scores=np.where(EARLIER.frame["zone"] == "south", EARLIER.scores * 0.6, EARLIER.scores))
STORM = EdgeCase(name="storm", condition="is_storm", why="it matters most")
FAIR = Fairness(group_by=("zone",), population="is_open", min_rows=700)


def reported(case: UseCase, heading: str) -> str:
    return "\n".join(sections.build(result(case), case)[heading])


def result(case: UseCase) -> Diagnostics:
    everybody = np.ones(len(UNFAIR.labels), bool)
    nobody = {STORM: ~everybody}
    return diagnostics.measure(
        case, YES_OR_NO, WEAK, UNFAIR, edge_cases=nobody, slices={}, levels=zones(UNFAIR), included=everybody
    )


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("Quality by slice", "| all | all rows | 2,100 | 7 | "),
        ("Quality by slice", "| storm | edge case | 0 | 0 | none | none | none | none |"),
        ("Quality by slice", "* *storm*: it matters most"),
        ("Quality by slice", "](reliability.svg)"),
        ("Weak slices", "rules of one or two conditions were searched on 6,000 earlier rows"),
        ("Weak slices", "| `zone=south` | 700 | "),
        ("Weak slices", "| **yes** |"),
        ("Group fairness", "| zone=south | 700 | "),
        ("Group fairness", "| **failed** |"),
        ("Group fairness", "| passed |"),
        ("Group fairness", "* `zone`: true positive rates differ by up to 0."),
        ("Group fairness", "Groups are compared on the rows where `is_open` is true."),
        ("Group fairness", "Groups of 700 rows or more are gated"),
        ("Group fairness", "](fairness.svg)"),
    ],
)
def test_the_passages_tell(heading: str, sentence: str) -> None:
    assert sentence in reported(use_case(fairness=FAIR, edge_cases=(STORM,)), heading)


def test_a_group_that_is_too_small_is_said_to_be_so() -> None:
    text = reported(use_case(fairness=replace(FAIR, min_rows=701)), "Group fairness")
    assert text.count("| too small |") == 3
    assert "* `zone`: too few groups are large enough to compare." in text


def test_without_declared_groups_nothing_is_told_or_drawn_of_them() -> None:
    case = use_case()
    assert "Group fairness" not in sections.build(result(case), case)
    assert sections.pictures(result(case)) == ["reliability", "gains", "slices"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CheckStatus.PASS, "Released is a refit of the judged model `one`: the same settings"),
        (
            CheckStatus.FAIL,
            "Released is the judged model `one` itself: a refit that learned from the judged rows too (`two`)",
        ),
    ],
    ids=["it agrees", "it does not"],
)
def test_a_refit_is_told_with_both_digests_and_every_number(answer: CheckStatus, said: str) -> None:
    check = Check(name="rank correlation of scores", value=0.9, bar="at least 0.95", status=answer)
    lines = sections.refit_section(RefitComparison(judged="one", refit="two", checks=(check,)))
    assert lines[0].startswith(said)
    assert lines[-1] == f"| rank correlation of scores | 0.9000 | at least 0.95 | {answer} |"
