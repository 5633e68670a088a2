"""A key that came before is known again, whatever stretch it was in; other keys are not taken for it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.ingestion.validation.uniqueness import SeenKeys, find_duplicates

WHO = pd.DataFrame({"who": [1.0, 2.0]})


def test_a_key_of_an_earlier_stretch_is_repeated() -> None:
    seen = SeenKeys()
    assert list(find_duplicates(WHO, "key", seen)) == []
    assert list(find_duplicates(pd.DataFrame({"who": [3.0, 2.0, 3.0]}, [7, 8, 9]), "key", seen)) == [8, 9]


def test_each_rule_remembers_its_own_keys() -> None:
    seen = SeenKeys()
    find_duplicates(WHO, "key", seen)
    assert list(find_duplicates(WHO, "unique", seen)) == []


ZERO, TEXT = pd.DataFrame({"a": [0.0]}), pd.DataFrame({"a": ["1"]})


@pytest.mark.parametrize(
    ("first", "then", "same"),
    [
        (ZERO, -ZERO, True),
        (pd.DataFrame({"a": [np.nan]}), pd.DataFrame({"a": [np.nan, 1.0]}), True),
        (pd.DataFrame({"a": [None]}), pd.DataFrame({"a": [np.nan, "x"]}), True),
        (pd.DataFrame({"a": [None]}), pd.DataFrame({"a": ["None"]}), False),
        (pd.DataFrame({"a": [None]}), pd.DataFrame({"a": ["nan"]}), False),
        (TEXT, TEXT.astype("category"), True),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), pd.DataFrame({"a": ["y"], "b": ["x"]}), False),
        (pd.DataFrame({"a": ["xy"], "b": [""]}), pd.DataFrame({"a": ["x"], "b": ["y"]}), False),
    ],
    ids=["zeros", "missing numbers", "missing texts", "None", "nan", "a category", "swapped", "cut elsewhere"],
)
def test_keys_are_the_same_exactly_when_their_values_are(first: pd.DataFrame, then: pd.DataFrame, same: bool) -> None:
    seen = SeenKeys()
    find_duplicates(first, "key", seen)
    assert (0 in find_duplicates(then, "key", seen)) is same


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "a", "b"])), max_size=20), st.integers(1, 7))
def test_stretch_by_stretch_the_same_rows_are_repeated(rows: list[tuple[int, str]], length: int) -> None:
    keys, seen = pd.DataFrame(rows, columns=["who", "zone"]).astype({"who": float, "zone": object}), SeenKeys()
    result = [find_duplicates(keys.iloc[at : at + length], "key", seen) for at in range(0, len(keys), length)]
    assert [row for each in result for row in each] == list(keys.index[keys.duplicated()])
