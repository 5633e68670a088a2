"""A part of one reason cannot look like several."""

from hypothesis import given
from hypothesis import strategies as st

from ml.ingestion.reason_text import SEPARATOR, as_one


@given(st.lists(st.sampled_from([";", " ", "; ", "a"])).map("".join))
def test_a_reason_is_never_split(text: str) -> None:
    assert SEPARATOR not in as_one(text)
