"""Digests of rows: the same for the same rows, however they were written."""

import pandas as pd
import pytest

from tests.stack import digests

ROWS = pd.DataFrame({"entity": ["a", "b", "c"], "score": [0.1, 0.2, None], "night": pd.to_datetime(["2024-01-01"] * 3)})


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(ROWS.iloc[::-1], id="rows in another order"),
        pytest.param(ROWS[["night", "score", "entity"]], id="columns in another order"),
        pytest.param(ROWS.astype({"entity": "category"}), id="texts as categories"),
    ],
)
def test_the_same_rows_have_one_digest(same: pd.DataFrame) -> None:
    assert digests.digest(same) == digests.digest(ROWS)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ROWS.assign(score=[0.1, 0.2 + 1e-17 * 4, 0.0]), id="another number"),
        pytest.param(ROWS.iloc[:2], id="a row less"),
        pytest.param(pd.concat([ROWS, ROWS.iloc[:1]]), id="a row twice"),
        pytest.param(ROWS.rename(columns={"score": "scored"}), id="a column of another name"),
    ],
)
def test_other_rows_have_another(other: pd.DataFrame) -> None:
    assert digests.digest(other) != digests.digest(ROWS)
