"""Names of columns that are not declared are shown only for tables without personal columns."""

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series

from ml.ingestion.declared_columns import DeclaredColumns


class Person(pa.DataFrameModel):
    """A contract with a column that may be empty."""

    name: Series[str]
    age: Series[pd.Int64Dtype] = pa.Field(nullable=True)

    class Config:
        strict = True


def test_the_columns_of_a_model_are_declared() -> None:
    columns = DeclaredColumns.from_model(Person, confidential=True)
    assert (columns.names, columns.nullable, columns.strict) == (("name", "age"), {"age"}, True)


@pytest.mark.parametrize(
    ("name", "confidential", "shown"),
    [("age", True, "'age'"), ("Ann Smith", True, "column 3"), ("Ann Smith", False, "'Ann Smith'")],
)
def test_a_name_that_is_not_declared_is_a_position_where_it_may_be_personal(
    name: str, confidential: bool, shown: str
) -> None:
    assert DeclaredColumns.from_model(Person, confidential=confidential).show(name, 3) == shown
