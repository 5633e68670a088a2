import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation import slice_rules
from ml.evaluation.slice_rules import Condition

FRAME = pd.DataFrame(
    {
        "zone": pd.Categorical(["a", "b", None, "a"]),
        "minute": [600.0, 1020.0, np.nan, 1200.0],
        "closed": [0.0, 1.0, 1.0, np.nan],
    }
)


@pytest.mark.parametrize(
    ("condition", "said", "rows"),
    [
        pytest.param(Condition(feature="zone", level="a"), "zone=a", [0, 3], id="a level"),
        pytest.param(Condition(feature="closed", level="1"), "closed=1", [1, 2], id="a whole number"),
        pytest.param(Condition(feature="zone"), "zone is missing", [2], id="missing"),
        pytest.param(Condition(feature="minute", low=1020, high=1200), "minute in [1020, 1200)", [1], id="between"),
        pytest.param(Condition(feature="minute", low=1020), "minute >= 1020", [1, 3], id="from"),
        pytest.param(Condition(feature="minute", high=1020), "minute < 1020", [0], id="below"),
    ],
)
def test_a_condition_says_which_rows_it_holds_on(condition: Condition, said: str, rows: list[int]) -> None:
    assert str(condition) == said
    assert np.flatnonzero(condition.matches(FRAME)).tolist() == rows


def test_a_rule_holds_where_all_of_its_conditions_do() -> None:
    rule = (Condition(feature="zone", level="a"), Condition(feature="minute", low=1000))
    assert np.flatnonzero(slice_rules.rule_mask(rule, FRAME)).tolist() == [3]


@given(st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=1, max_size=60))
def test_every_row_is_under_exactly_one_condition_of_a_column_of_numbers(values: list[int | None]) -> None:
    frame = pd.DataFrame({"number": np.array(values, dtype=np.float64)})
    held = [each.matches(frame) for each in slice_rules.enumerate_conditions(frame)]
    assert np.sum(held, axis=0).tolist() == [1] * len(frame)


def test_only_the_commonest_levels_of_a_category_are_looked_at() -> None:
    levels = [f"rare {number:02d}" for number in range(30)] + ["common"] * 5
    looked_at = [
        each.level for each in slice_rules.enumerate_conditions(pd.DataFrame({"zone": pd.Categorical(levels)}))
    ]
    assert len(looked_at) == 20
    assert "common" in looked_at


def test_a_rule_has_one_condition_or_two_of_different_features_in_one_order() -> None:
    given_ = [
        Condition(feature="zone", level="a"),
        Condition(feature="zone", level="b"),
        Condition(feature="minute", low=1),
    ]
    assert slice_rules.valid_pairs(given_).tolist() == [[True, False, True], [False, True, True], [False, False, True]]
