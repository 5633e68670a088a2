from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import features
from ml.errors import DeclarationError
from ml.features import rows
from tests.ml.usecase.test_use_case import use_case

PARTS = st.one_of(st.none(), st.sampled_from(["nan", "None", "<NA>", "NaT", "\\N", ""]), st.text("a|\\N", max_size=3))


@given(st.lists(st.tuples(PARTS, PARTS), unique=True, min_size=1, max_size=6))
def test_different_keys_are_different_entities(keys: list[tuple[str | None, str | None]]) -> None:
    case = use_case()
    rows = pd.DataFrame(keys, columns=["day", "who"], dtype=object)
    assert features.entity_ids(case, rows).nunique() == len(keys)


def test_a_function_is_called_with_the_columns_that_its_parameters_name() -> None:
    frame = pd.DataFrame({"a": [1.0], "b": [2.0], "c": [4.0]})
    assert features.call(lambda b, c: b + c, frame).tolist() == [6.0]


def test_dates_and_whole_numbers_are_written_short() -> None:
    frame = pd.DataFrame({"day": pd.to_datetime(["2013-01-02"]), "who": [7.0], "mile": [7.5]})
    assert [rows.to_text(frame[name])[0] for name in frame] == ["2013-01-02", "7", "7.5"]


@pytest.mark.parametrize("dtype", ["Int64", "float64", "boolean", "datetime64[ns]", "object"])
def test_a_missing_value_is_no_text_of_its_type(dtype: str) -> None:
    assert rows.to_text(pd.Series([None], dtype=dtype)).tolist() == ["\\N"]


ROWS = pd.DataFrame({"far": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("made", "reported"),
    [(None, "got a NoneType"), (3.0, "got a float"), (pd.Series([1.0]), "got a column of 1")],
    ids=["no return", "one value", "another length"],
)
def test_a_function_that_makes_no_column_of_its_rows_is_named(made: Any, reported: str) -> None:
    def twice(far: Any) -> Any:
        return made

    with pytest.raises(
        DeclarationError, match=rf"expected twice\(\) of features.py to return a pd.Series .*, {reported}"
    ):
        rows.call(twice, ROWS)


def test_a_derived_column_is_one_of_numbers() -> None:
    def near(far: "pd.Series[float]") -> Any:
        return far.astype(str)

    with pytest.raises(
        DeclarationError, match=r"expected near\(\) .* to return numbers, got object: .*astype\(float\)"
    ):
        rows.call_numeric(near, ROWS)
    assert rows.call_numeric(lambda far: far > 1, ROWS).tolist() == [False, True]


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2024-03-17T05:00Z", None]),
        pd.to_datetime(["2024-03-17", None]),
        pd.to_timedelta([1, 2], unit="h"),
        pd.PeriodIndex(["2024-03", "2024-04"], freq="M"),
        pd.interval_range(0, 2),
        np.array([1j, 2]),
    ],
    ids=lambda values: str(values.dtype),
)
def test_a_feature_that_is_no_number_and_no_text_is_refused_by_its_type(values: Any) -> None:
    def odd(far: pd.Series) -> pd.Series:
        return pd.Series(values, far.index[:2])

    with pytest.raises(DeclarationError, match=r"expected odd\(\) of features.py, a feature, to return numbers"):
        rows.call_feature(odd, {"far": pd.Series([1.0, 2.0])})


@pytest.mark.parametrize("values", [[1.0, None], ["a", None], [True, None], [1, 2], pd.Categorical(["a", "b"])])
def test_a_feature_may_be_numbers_booleans_or_texts(values: Any) -> None:
    made = rows.call_feature(lambda far: pd.Series(values, far.index), {"far": pd.Series([1.0, 2.0])})
    assert made.equals(pd.Series(values))
