"""Any column has an identifier, and a parameter finds its column."""

import keyword

from hypothesis import given
from hypothesis import strategies as st

from ml.usecase import safe_names


@given(st.text(max_size=20))
def test_every_column_gets_an_identifier_and_an_identifier_stays(column: str) -> None:
    name = safe_names.safe_name(column)
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert safe_names.safe_name(name) == name


@given(st.lists(st.text("ab -?_", max_size=4), unique=True, max_size=6))
def test_a_parameter_finds_its_column_unless_names_collide(columns: list[str]) -> None:
    if not safe_names.collisions(columns):
        assert [safe_names.column_of(safe_names.safe_name(each), columns) for each in columns] == columns


def test_a_column_of_the_same_name_comes_first_and_an_unknown_parameter_stays() -> None:
    assert safe_names.column_of("a_b", ["a b", "a_b"]) == "a_b"
    assert safe_names.column_of("z", ["a b"]) == "z"
