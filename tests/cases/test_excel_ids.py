"""An id that has lost its digits on the way is refused; no two ids become one."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from ml.ingestion import validation

LONG = ["1582917533873852417", "1582917533873852418", "9007199254740993"]


def checked(kind: Any, cells: list[str]) -> tuple[list[Any], list[str]]:
    """Return the ids that are valid, and why others are held."""
    model = type("M", (pa.DataFrameModel,), {"__annotations__": {"id": Series[kind], "v": Series[str]}})
    result = validation.check(pd.DataFrame({"id": cells, "v": "x"}), model, ("id",))
    return result.valid["id"].tolist(), result.quarantined["reasons"].tolist()


def test_an_id_that_a_spreadsheet_shortened_is_refused_for_its_digits() -> None:
    valid, reasons = checked(int, ["123456789012", "1.23457E+11", "1.23457E+11", "1,23457E+11"])
    assert valid == [123456789012]
    assert ["digits" in reason and "'1.23457E+11'" in reason for reason in reasons[:2]] == [True, True]
    assert "'1,23457E+11'" in reasons[2]


def test_long_ids_are_kept_or_refused_with_the_bound() -> None:
    valid, reasons = checked(int, LONG)
    assert valid == [int(cell) for cell in LONG] or all("9007199254740991" in reason for reason in reasons)
    assert len(valid) + len(reasons) == len(LONG)


def test_two_ids_are_not_folded_into_one_by_a_column_of_float() -> None:
    valid, reasons = checked(float, LONG[:2])
    assert [reason for reason in reasons if "repeats the key" in reason] == []
    assert {int(each) for each in valid} <= {int(cell) for cell in LONG[:2]}


def test_long_ids_declared_as_text_are_kept() -> None:
    assert checked(str, [*LONG, "007"]) == ([*LONG, "007"], [])
