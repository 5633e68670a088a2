"""A refit that answers with minutes agrees where minutes, what they are worth, and their order say so."""

import numpy as np
import pytest

from ml.arrays import Floats
from ml.promotion import refit_equivalence
from ml.promotion.gate import CheckStatus
from ml.promotion.refit_equivalence import ScorePair
from ml.usecase import Refit
from tests.ml.answers import MINUTES, waited

ROWS = waited()
SCORES, COUNT = ROWS.scores, len(ROWS.scores)
APART, FLIPPED, RANK, RISE = (
    "mean distance of predictions, in units of the best constant's loss",
    "share of decisions that change",
    "rank correlation of scores",
    "rise of relative loss on the judged rows",
)
BARS = Refit(max_answer_difference=0.1, max_flipped_share=0.05, min_rank_correlation=0.95)
FAR = np.where(np.arange(COUNT) % 15 == 0, 40.0, 0.0)


@pytest.mark.parametrize(
    ("ahead", "seen", "names"),
    [
        pytest.param(SCORES + 0.2, SCORES, [], id="much the same"),
        pytest.param(SCORES + 3.0, SCORES, [APART], id="three minutes more"),
        pytest.param(SCORES + FAR, SCORES, [APART, FLIPPED, RANK], id="some rows far off"),
        pytest.param(SCORES[::-1], SCORES, [APART, FLIPPED, RANK], id="another order"),
        pytest.param(SCORES, SCORES + 1.0, [RISE], id="worse where it has learned"),
        pytest.param(np.where(SCORES < 9, np.nan, SCORES), SCORES, [APART, FLIPPED, RANK], id="an answer missing"),
    ],
)
def test_a_refit_of_minutes_agrees_unless_a_number_misses_its_bar(
    ahead: Floats, seen: Floats, names: list[str]
) -> None:
    checks = refit_equivalence.refit_checks(
        ScorePair(judged=SCORES, refit=ahead), ScorePair(judged=SCORES, refit=seen), ROWS.labels, MINUTES, BARS
    )
    assert [each.name for each in checks if each.status is not CheckStatus.PASS] == names


def test_the_bar_of_minutes_is_the_declared_one() -> None:
    moved, same = ScorePair(judged=SCORES, refit=SCORES + 3.0), ScorePair(judged=SCORES, refit=SCORES)
    apart, *_ = refit_equivalence.refit_checks(moved, same, ROWS.labels, MINUTES, Refit(max_answer_difference=0.9))
    assert (apart.status, apart.bar) == (CheckStatus.PASS, "at most 0.9")
