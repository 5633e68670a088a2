"""Every text is read as its type exactly, or told apart as unreadable; an empty cell is neither."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.ingestion.validation import parsing

INSTANT = pd.Timestamp("2013-02-08 05:00", tz="UTC")


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        ("float64", "1", 1.0),
        ("float64", " 007.50 ", 7.5),
        ("float64", "-1e3", -1000.0),
        ("int64", "42", 42.0),
        ("int64", "42.0", 42.0),
        ("Int64", "-7", -7.0),
        ("bool", "True", 1.0),
        ("boolean", "no", 0.0),
        ("datetime64[ns]", "2013-02-08", pd.Timestamp("2013-02-08")),
        ("datetime64[ns]", "2013-02-08T00:00:00", pd.Timestamp("2013-02-08")),
        ("datetime64[ns]", "2013-02-08 00:00:00.000", pd.Timestamp("2013-02-08")),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00Z", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08T00:00:00-05:00", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08 05:00", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00.5Z", INSTANT + pd.Timedelta("500ms")),
        ("str", " NA ", "NA"),
        ("category", "007", "007"),
    ],
)
def test_a_text_is_read_as_its_type(dtype: str, text: str, value: object) -> None:
    cells = parsing.parse(pd.Series([text]), dtype)
    assert (cells.values.iloc[0], cells.unreadable.tolist()) == (value, [False])


@pytest.mark.parametrize(
    ("dtype", "text", "expected"),
    [
        ("float64", "1e400", "a finite number"),
        ("float64", "NaN", "a finite number"),
        ("float64", "-inf", "a finite number"),
        ("float64", "1,5", "a finite number"),
        ("float64", "0x1F", "a finite number"),
        ("float64", "1_000", "a finite number"),
        ("int64", "1.5", "a whole number"),
        ("int64", "9223372036854775808", "a whole number from -9223372036854775808 to 9223372036854775807"),
        ("bool", "maybe", "true or false"),
        ("datetime64[ns]", "2013-02-30", "a date like 2013-02-08"),
        ("datetime64[ns]", "2013-02-08T05:00:00", "a date like 2013-02-08"),
        ("datetime64[ns]", "08/02/2013", "a date like 2013-02-08"),
        ("datetime64[ns, UTC]", "yesterday", "an ISO 8601 instant"),
    ],
)
def test_a_text_that_is_none_of_its_type_is_told_apart(dtype: str, text: str, expected: str) -> None:
    cells = parsing.parse(pd.Series([text, ""]), dtype)
    assert (cells.unreadable.tolist(), [each.expected for each in cells.refusals]) == ([True, False], [expected])
    assert cells.values.isna().all()


def test_the_texts_that_mean_missing_are_empty_cells() -> None:
    cells = parsing.parse(pd.Series(["NULL", "-", "", "1"]), "float64", missing=("NULL", "-"))
    assert (cells.values.isna().tolist(), cells.unreadable.any()) == ([True, True, True, False], np.False_)


def test_categories_are_read_as_their_texts_are() -> None:
    raw = pd.Series(["2", "x", "2", ""], index=[4, 5, 6, 7])
    plain, categories = parsing.parse(raw, "float64"), parsing.parse(raw.astype("category"), "float64")
    pd.testing.assert_series_equal(plain.to_series(raw.index), categories.to_series(raw.index))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_was_written_is_read_back_to_the_last_bit(number: float) -> None:
    assert parsing.parse(pd.Series([repr(number)]), "float64").values.iloc[0] == number


@pytest.mark.parametrize(("dtype", "supported"), [("float32", True), ("timedelta64[ns]", False), ("complex128", False)])
def test_what_cannot_be_read_from_text_is_not_supported(dtype: str, supported: bool) -> None:
    assert parsing.supports(dtype) is supported
