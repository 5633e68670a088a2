"""What a rule returns decides its outcome: rows, the table, or only a warning."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series

from ml.errors import DataError
from ml.ingestion import validation
from ml.ingestion.validation import ValidationResult, Violation
from ml.ingestion.validation.contract import Contract


class Visit(pa.DataFrameModel):
    """Rules of every outcome."""

    who: Series[int] = pa.Field(unique=True)
    zone: Series[str] = pa.Field(isin=["north", "south"])
    size: Series[float] = pa.Field(nullable=True, le=100, raise_warning=True)
    open: Series[bool]

    @pa.check("who", error="an even number")
    def is_even(cls, who: "Series[int]") -> "Series[bool]":
        return who % 2 == 0

    @pa.dataframe_check(error="fewer than four rows")
    def are_few(cls, rows: pd.DataFrame) -> bool:
        return len(rows) < 4

    @pa.dataframe_check(error="open in the south", raise_warning=True)
    def is_closed_in_the_south(cls, rows: pd.DataFrame) -> "Series[bool]":
        return ~rows["open"] | (rows["zone"] != "south")


class Strict(Visit):
    """The same, and no other columns."""

    class Config:
        strict = True


GOOD = {"who": "2", "zone": "north", "size": "1", "open": "true"}


def check(*rows: dict[str, str], model: type[pa.DataFrameModel] = Visit, **options: object) -> ValidationResult:
    raw = pd.DataFrame([GOOD | row for row in rows], range(2, len(rows) + 2), dtype=str).fillna("")
    return validation.check(raw, model, ("who",), **options)


def test_valid_rows_have_the_types_of_the_contract() -> None:
    types = check({}).valid.dtypes.astype(str).to_dict()
    assert types == {"who": "int64", "zone": "object", "size": "float64", "open": "bool"}


def test_a_rule_of_a_column_names_it_and_what_it_found() -> None:
    assert check({"who": "3"}).quarantined["reasons"].tolist() == ["who: expected an even number, got 3"]


def test_of_values_that_must_be_unique_the_first_is_kept() -> None:
    checked = check({}, {"zone": "south"})
    assert checked.quarantined["reasons"].tolist() == ["repeats the who of a row that was kept"]


def test_a_rule_of_the_table_refuses_it_as_a_whole() -> None:
    with pytest.raises(DataError, match="the table as a whole breaks its contract: fewer than four rows"):
        check(*({"who": str(n)} for n in (2, 4, 6, 8)))


def test_a_rule_that_only_warns_holds_nothing_back() -> None:
    checked = check({"size": "200"}, {"who": "4", "zone": "south"})
    assert (len(checked.valid), [each.describe() for each in checked.warnings]) == (
        2,
        ["size: expected less_than_or_equal_to(100), got 200.0 (1 rows)", "open in the south (1 rows)"],
    )


def test_a_contract_that_is_not_strict_leaves_other_columns_out_and_says_so() -> None:
    checked = check({"tip": "1"})
    assert list(checked.valid.columns) == list(GOOD)
    assert checked.warnings[0].reason == "columns that are not in the contract were left out: tip"


def test_a_strict_contract_refuses_other_columns() -> None:
    with pytest.raises(DataError, match=r"not in the contract: \['tip'\]"):
        check({"tip": "1"}, model=Strict)


def test_values_of_hidden_columns_appear_in_no_reason() -> None:
    checked = check({"zone": "Elm Street 5"}, {"who": "x"}, {"who": "5"}, masked=("zone", "who"))
    assert checked.quarantined["reasons"].tolist() == [
        "zone: expected isin(['north', 'south']), got ***",
        "who: expected a whole number, got ***",
        "who: expected an even number, got ***",
    ]


def test_rules_of_one_cell_are_told_from_the_others() -> None:
    contract = Contract(Visit)
    assert [len(contract.cell_rules(name)) for name in ("zone", "size", "who")] == [1, 0, 0]


def test_a_finding_tells_its_rule_one_value_and_how_many_rows() -> None:
    assert Violation(row_labels=(3, 4), reason="too far", values=("7", "8")).describe() == "too far, got 7 (2 rows)"


@pytest.mark.parametrize("kind", [str, object, "string", pd.CategoricalDtype(), float, "Int64", "boolean"])
def test_an_empty_cell_is_missing_in_every_type_that_may_be_missing(kind: Any) -> None:
    fields = {"__annotations__": {"row": Series[str], "v": Series[kind]}, "v": pa.Field(nullable=True)}
    model = type("M", (pa.DataFrameModel,), fields)
    result = validation.check(pd.DataFrame({"row": ["a", "b", "c"], "v": ["1", "", "1"]}), model, ("row",))
    assert result.valid["v"].isna().tolist() == [False, True, False]
