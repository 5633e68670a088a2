import re
from typing import Annotated

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.typing import Series

from ml.errors import DataError
from ml.ingestion import validation
from ml.ingestion.validation import ValidationResult


class Visit(pa.DataFrameModel):
    """A contract with every kind of column."""

    class Config:
        strict = True

    day: Series[pd.Timestamp]
    who: Series[float] = pa.Field(ge=1)
    zone: Series[str] = pa.Field(isin=["north", "south"])
    at: Series[Annotated[pd.DatetimeTZDtype, "ns", "UTC"]]
    size: Series[float] = pa.Field(nullable=True, le=100)

    @pa.dataframe_check(error="size without a zone")
    def has_zone(cls, rows: pd.DataFrame) -> "Series[bool]":
        return rows["zone"].notna() | rows["size"].isna()


GOOD = {"day": "2013-02-08", "who": "1", "zone": "north", "at": "2013-02-08T05:00:00Z", "size": "3.5"}
KEY = ("day", "who")


def raw(*rows: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame([GOOD | row for row in rows], range(2, len(rows) + 2), list(GOOD), dtype=str)


def check(*rows: dict[str, str]) -> ValidationResult:
    return validation.check(raw(*rows), Visit, KEY)


def test_a_good_row_is_typed_as_the_contract_says() -> None:
    row = check({}).valid.iloc[0].to_dict()
    assert row == {
        "day": pd.Timestamp("2013-02-08"),
        "who": 1.0,
        "zone": "north",
        "at": pd.Timestamp("2013-02-08 05:00", tz="UTC"),
        "size": 3.5,
    }


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ({"who": "one"}, "who: expected a finite number, got 'one'"),
        ({"who": "1e400"}, "who: expected a finite number, got '1e400'"),
        ({"who": "NA"}, "who: expected a finite number, got 'NA'"),
        ({"who": "nan"}, "who: expected a finite number, got 'nan'"),
        ({"who": ""}, "who: expected a value, got an empty cell"),
        ({"who": "0"}, r"who: expected greater_than_or_equal_to\(1(\.0)?\), got 0.0"),
        ({"size": "-inf"}, "size: expected a finite number, got '-inf'"),
        ({"day": "2013-02-30"}, "day: expected a date like 2013-02-08, got '2013-02-30'"),
        ({"day": "08/02/2013"}, "day: expected a date like 2013-02-08"),
        ({"at": "5 o'clock"}, "at: expected an ISO 8601 instant"),
        ({"zone": "west"}, r"zone: expected isin\(\['north', 'south'\]\), got west"),
        ({"zone": "  "}, "zone: expected a value, got an empty cell"),
        ({"zone": "x" * 500}, "zone: expected isin"),
    ],
)
def test_a_bad_cell_is_quarantined_with_its_reason(cell: dict[str, str], reason: str) -> None:
    checked = check({}, {"who": "2"} | cell)
    assert list(checked.valid.index) == [2]
    assert list(checked.quarantined.index) == [3]
    assert re.search(reason, checked.quarantined["reasons"].iloc[0])


def test_a_quarantined_row_keeps_its_text_and_every_reason() -> None:
    row = check({"who": " one ", "day": "soon"}).quarantined.iloc[0]
    assert row["who"] == " one "
    assert row["reasons"] == (
        "day: expected a date like 2013-02-08, got 'soon'; who: expected a finite number, got ' one '"
    )


def test_the_second_row_of_a_key_is_quarantined() -> None:
    checked = check({}, {}, {"who": "2"})
    assert list(checked.quarantined["reasons"]) == ["repeats the key (day, who) of a row that was kept"]
    assert list(checked.valid.index) == [2, 4]


def test_a_good_row_is_not_lost_to_a_bad_one_of_the_same_key() -> None:
    checked = check({"zone": "west"}, {})
    assert list(checked.valid.index) == [3]


def test_an_empty_cell_that_may_be_empty_is_missing() -> None:
    assert check({"size": ""}).valid["size"].isna().all()


def test_a_table_without_rows_is_valid_and_typed() -> None:
    checked = check()
    assert (checked.rows_in, len(checked.quarantined)) == (0, 0)
    assert str(checked.valid["at"].dtype) == "datetime64[ns, UTC]"


@pytest.mark.parametrize(
    ("frame", "reported"),
    [
        (raw({}).drop(columns="who"), r"missing: \['who'\], not in the contract: none"),
        (raw({}).assign(tip="1"), r"missing: none, not in the contract: \['tip'\]"),
        (raw({}).rename(columns={"who": "Who"}), r"missing: \['who'\], not in the contract: \['Who'\]"),
    ],
    ids=["missing", "extra", "renamed"],
)
def test_other_columns_refuse_the_whole_table(frame: pd.DataFrame, reported: str) -> None:
    with pytest.raises(DataError, match=reported):
        validation.check(frame, Visit, KEY)


def test_columns_may_come_in_another_order() -> None:
    assert len(validation.check(raw({})[["size", "at", "who", "zone", "day"]], Visit, KEY).valid) == 1


def test_valid_rows_can_be_refused_later_and_are_not_lost() -> None:
    came = raw({}, {"who": "2"}, {"who": "x"})
    checked = validation.check(came, Visit, KEY)
    left = validation.quarantine(checked, came, pd.Series(["", "of another night"], checked.valid.index))
    assert list(left.valid.index) == [2]
    assert list(left.quarantined["reasons"].str[:16]) == ["of another night", "who: expected a "]


def test_a_count_that_does_not_add_up_is_a_fault_of_ours() -> None:
    with pytest.raises(DataError, match="3 rows came in, but 1 valid and 1 quarantined rows go out"):
        ValidationResult(rows_in=3, valid=raw({}), quarantined=raw({}))


CELLS = st.one_of(
    st.sampled_from(["", " ", "1", "1e999", "NaN", "north", "2013-02-08", "2013-02-08T05:00:00Z"]), st.text(max_size=5)
)


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, CELLS)), max_size=8))
def test_rows_in_are_valid_plus_quarantined_whatever_comes(rows: list[dict[str, str]]) -> None:
    came = raw(*rows)
    checked = validation.check(came, Visit, KEY)
    assert sorted([*checked.valid.index, *checked.quarantined.index]) == list(came.index)
    assert (checked.quarantined["reasons"] != "").all()
    assert checked.valid.notna()[["day", "who", "zone", "at"]].all(axis=None)
