"""Infinite values are counted for each numeric feature, and refused by name before a training."""

import numpy as np
import pandas as pd
import pytest

from ml.errors import DataError
from ml.features import infinity

ROWS = pd.DataFrame(
    {
        "ratio": [np.inf, -np.inf, np.nan, 1.0],
        "nullable": pd.array([1.0, None, np.inf, 2.0], "Float64"),
        "count": [1, 2, 3, 4],
        "flag": [True, False, True, False],
        "zone": pd.Series(["inf", "a", "b", "c"]).astype("category"),
    }
)


def test_only_infinite_numbers_are_counted() -> None:
    assert infinity.count(ROWS, list(ROWS)) == {"ratio": 2, "nullable": 1}
    assert infinity.count(ROWS, ["count", "flag", "zone"]) == infinity.count(ROWS.head(0), list(ROWS)) == {}


def test_the_refusal_names_features_counts_and_what_to_do() -> None:
    with pytest.raises(DataError, match=r"ratio is infinite in 2 of 4 rows.*`ratchet features build`"):
        infinity.check_none(ROWS, ["count", "ratio"])
    infinity.check_none(ROWS, ["count"])
