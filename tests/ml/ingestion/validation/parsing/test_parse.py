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
        ("float64", "+.5", 0.5),
        ("float64", "9007199254740994", 9007199254740994.0),
        ("float64", "9007199254740993.5", 9007199254740994.0),
        ("float32", "0.1", np.float32(0.1)),
        ("int64", "42", 42),
        ("int64", " +042.0 ", 42),
        ("int64", "9007199254740993", 9007199254740993),
        ("Int64", "-7", -7),
        ("uint8", "-0", 0),
        ("UInt64", "18446744073709551615", 2**64 - 1),
        ("bool", "True", True),
        ("boolean", "no", False),
        ("datetime64[ns]", "2013-02-08", pd.Timestamp("2013-02-08")),
        ("datetime64[ns]", "2013-02-08T00:00:00", pd.Timestamp("2013-02-08")),
        ("datetime64[ns]", "2013-02-08 00:00:00.000", pd.Timestamp("2013-02-08")),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00Z", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08T00:00:00-05:00", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08 05:00", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00.5Z", INSTANT + pd.Timedelta("500ms")),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00.000001000Z", INSTANT + pd.Timedelta("1us")),
        ("datetime64[ns, UTC]", "2013-02-08 10:45:00+0545", INSTANT),
        ("datetime64[ns, UTC]", "2013-02-08 00:00:00-05", INSTANT),
        ("datetime64[us, UTC]", "9999-12-31T23:59:59Z", pd.Timestamp("9999-12-31 23:59:59", tz="UTC")),
        ("datetime64[us]", "0001-01-01", pd.Timestamp("0001-01-01")),
        ("str", " NA ", "NA"),
        ("category", "007", "007"),
    ],
)
def test_a_text_is_read_as_its_type(dtype: str, text: str, value: object) -> None:
    cells = parsing.parse(pd.Series([text]), dtype)
    assert (cells.values.iloc[0], cells.refusals) == (value, ())


@pytest.mark.parametrize(
    ("dtype", "text", "expected"),
    [
        ("float64", "1e400", "a finite number"),
        ("float64", "NaN", "a finite number"),
        ("float64", "-inf", "a finite number"),
        ("float64", "1,5", "a finite number"),
        ("float64", "0x1F", "a finite number"),
        ("float64", "1_000", "a finite number"),
        ("float64", "\u0661\u0662", "a finite number"),
        ("float64", "infinity", "a finite number"),
        (
            "float64",
            "9007199254740993",
            "a whole number with few enough digits for float64 (declare long ids as int or str)",
        ),
        ("float64", "1e-400", "a number that float64 can tell from 0"),
        ("float32", "16777217", "a whole number with few enough digits for float32 (declare long ids as int or str)"),
        ("float32", "-1e39", "a number from -3.4028234663852886e+38 to 3.4028234663852886e+38"),
        ("Float32", "1e39", "a number from -3.4028234663852886e+38 to 3.4028234663852886e+38"),
        ("int64", "1.5", "a whole number"),
        ("int64", "1,5", "a whole number"),
        ("int64", "1_000", "a whole number"),
        ("int64", "0x1F", "a whole number"),
        ("int64", "true", "a whole number"),
        ("int64", "\uff15", "a whole number"),
        ("int64", "1e5", "a whole number with all its digits, which an exponent or a 32-bit float does not have"),
        (
            "int64",
            "9,00719925474E+15",
            "a whole number with all its digits, which an exponent or a 32-bit float does not have",
        ),
        (
            "int64",
            "9.007199254740992e+15",
            "a whole number below 9007199254740992, or as an integer or text: a double cannot hold it exactly",
        ),
        (
            "int64",
            "-1e400",
            "a whole number below 9007199254740992, or as an integer or text: a double cannot hold it exactly",
        ),
        ("int64", "9223372036854775808", "a whole number from -9223372036854775808 to 9223372036854775807"),
        ("int64", "-" + "9" * 400, "a whole number from -9223372036854775808 to 9223372036854775807"),
        ("int8", "128.0", "a whole number from -128 to 127"),
        ("UInt64", "18446744073709551616", "a whole number from 0 to 18446744073709551615"),
        ("bool", "\uff4e\uff4f", "true or false"),
        ("bool", "maybe", "true or false"),
        ("datetime64[ns]", "2013-02-30", "a date like 2013-02-08"),
        ("datetime64[ns]", "2013-02-08T05:00:00", "a date like 2013-02-08"),
        ("datetime64[ns]", "08/02/2013", "a date like 2013-02-08"),
        ("datetime64[ns]", "2013-2-8", "a date like 2013-02-08"),
        ("datetime64[ns]", "20130208", "a date like 2013-02-08"),
        ("datetime64[ns]", "1677-09-21", "a date like 2013-02-08 from 1677-09-22 to 2262-04-11"),
        ("datetime64[us]", "0000-12-31", "a date like 2013-02-08 from 0001-01-01 to 9999-12-31"),
        ("datetime64[ns, UTC]", "yesterday", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08T05", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "13-02-08T05:00:00Z", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-2-8T5:0:0Z", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08T24:00:00Z", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:60Z", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-30T05:00:00Z", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00+5", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00+24:00", "an ISO 8601 instant"),
        ("datetime64[ns, UTC]", "2013-02-08T05:00:00.0000000001Z", "an ISO 8601 instant"),
        (
            "datetime64[ns, UTC]",
            "2013-02-08T05:00:00.123456789Z",
            "an ISO 8601 instant with at most microseconds, which are stored",
        ),
        (
            "datetime64[us, UTC]",
            "9999-12-31T23:59:59-00:01",
            "an ISO 8601 instant from 0001-01-01T00:00:00.000000Z to 9999-12-31T23:59:59.999999Z",
        ),
    ],
)
def test_a_text_that_is_none_of_its_type_is_told_apart(dtype: str, text: str, expected: str) -> None:
    cells = parsing.parse(pd.Series([text, ""]), dtype)
    assert [(each.expected, each.mask.tolist()) for each in cells.refusals] == [(expected, [True, False])]
    assert cells.unreadable.tolist() == [True, False]
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


def test_a_text_that_means_never_has_no_instant_and_is_not_refused() -> None:
    raw = pd.Series(["9999-12-31", " infinity ", "2013-02-08T05:00:00Z", "", "soon"])
    cells = parsing.parse(raw, "datetime64[ns, UTC]", never=("9999-12-31", "infinity"))
    assert cells.never.tolist() == [True, True, False, False, False]
    assert cells.unreadable.tolist() == [False, False, False, False, True]
    assert cells.values.isna().tolist() == [True, True, False, True, True]
    assert not parsing.parse(raw, "str", never=("9999-12-31", "infinity")).never.any()


@pytest.mark.parametrize(("dtype", "supported"), [("float32", True), ("timedelta64[ns]", False), ("complex128", False)])
def test_what_cannot_be_read_from_text_is_not_supported(dtype: str, supported: bool) -> None:
    assert parsing.supports(dtype) is supported
