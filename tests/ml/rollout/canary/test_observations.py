"""A round holds what both sides answered in the same time, and no answer to come moves it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.rollout.canary.observations import ComparedRows, PairedScores, Responses, assign_rounds

SIDES = st.text("ct", min_size=0, max_size=40)


def placed(sides: str) -> list[int]:
    """Return the round of each answer of `sides`: `c` the canary's, `t` the champion's, a second apart."""
    at = np.arange(len(sides), dtype=float)
    ours = np.array([side == "c" for side in sides], bool)
    mine, others = assign_rounds(at[ours], at[~ours])
    result = np.empty(len(sides), np.int64)
    result[ours], result[~ours] = mine, others
    return result.tolist()


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ("", []),
        ("c", [-1]),
        ("t", [-1]),
        ("tttc", [0, 0, 0, 0]),
        ("ctct", [0, 0, 1, 1]),
        ("cctt", [0, 0, 0, -1]),
        ("tctttcc", [0, 0, 1, 1, 1, 1, -1]),
        ("ccccc", [0, 0, 0, 0, 0]),
        ("cccccct", [0, 0, 0, 0, 0, 1, 1]),
        ("ttttttt", [-1] * 7),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_round_is_over_once_both_have_answered_or_the_canary_has_waited(sides: str, expected: list[int]) -> None:
    assert placed(sides) == expected


@given(SIDES, st.integers(0, 40))
def test_a_round_depends_on_no_answer_to_come(sides: str, first: int) -> None:
    whole, part = placed(sides)[:first], placed(sides[:first])
    assert all(one == other for one, other in zip(whole, part, strict=True) if other >= 0)


@given(SIDES)
def test_rounds_follow_each_other_and_every_one_has_an_answer_of_the_canary(sides: str) -> None:
    result = [each for each in placed(sides) if each >= 0]
    assert result == sorted(result)
    mine = {place for place, side in zip(placed(sides), sides, strict=True) if side == "c"}
    assert set(result) <= mine


def test_answers_may_come_in_any_order() -> None:
    mine, others = assign_rounds(np.array([3.0, 1.0]), np.array([2.0, 0.0]))
    assert mine.tolist() == [1, 0]
    assert others.tolist() == [1, 0]


def test_answers_are_counted_from_when_a_share_began() -> None:
    answers = Responses(timestamps=np.arange(5.0), latency_ms=np.ones(5), is_fault=np.zeros(5, bool))
    assert (len(answers), answers.count_since(3)) == (5, 2)


def test_a_row_is_matured_where_both_have_a_score_and_the_label_is_known() -> None:
    rows = ComparedRows(
        scores=PairedScores(champion=np.array([0.1, np.nan, 0.3, 0.4]), canary=np.array([0.1, 0.2, np.nan, 0.4])),
        labels=np.array([1.0, 1.0, 1.0, np.nan]),
        nights=np.array(["2020-01-01"] * 4, object),
        served_by_canary=np.ones(4, bool),
    )
    assert rows.is_matured.tolist() == [True, False, False, False]
