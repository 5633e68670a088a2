"""Each line of JSON has a stated verdict: a row, or a reason; no value is altered."""

import io

import pytest

from include.stores.landing import formats
from include.stores.landing.rows import Rows
from ml.ingestion.declared_columns import DeclaredColumns
from tests import landed

COLUMNS = DeclaredColumns(names=("who", "note"), nullable=frozenset(("note",)))


def read(*lines: str) -> Rows:
    """Return the rows of JSON lines; the first one is sound."""
    content = "\n".join(('{"who": "1", "note": "a"}', *lines, "")).encode()
    (rows,) = formats.read("rides.jsonl", io.BytesIO(content), 100, COLUMNS)
    return rows


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"who": NaN}', "expected an object in JSON, got NaN, write null for a missing value"),
        ('{"who": -Infinity}', "expected an object in JSON, got -Infinity"),
        ('{"who": "1", "who": "2"}', "expected each name once"),
        ('{"who": {"a": 1}}', "expected flat values, got something nested in 'who'"),
        ('{"who": ' + "[" * 100_000, "expected an object in JSON"),
        ('{"who": "\\ud800"}', "expected UTF-8 text"),
        ('{"who": "a\\u0000"}', "expected UTF-8 text"),
        ('["1"]', "expected an object in JSON"),
        ('{"who": "1"', "expected an object in JSON"),
        ('{"whom": "1"}', "got also ['whom']"),
        ('{"a; b": [1]}', "something nested in 'a, b'"),
    ],
)
def test_a_malformed_line_has_its_reason_and_the_others_are_rows(line: str, reason: str) -> None:
    result = read(line, '{"who": "3"}', '{"who": "4"}')
    assert result.malformed.index.tolist() == [2]
    assert reason in result.malformed["reasons"].item()
    assert result.well_formed["who"].tolist() == ["1", "3", "4"]


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("9" * 5000, "9" * 5000),
        ("1e400", "1e400"),
        ("0.1000", "0.1000"),
        ("true", "true"),
        ("null", ""),
        ('"a\u2028b\u2029c\u0085d\x0be"'.replace("\x0b", "\\u000b"), "a\u2028b\u2029c\u0085d\x0be"),
    ],
    ids=["5,000 digits", "beyond a float", "zeros", "a boolean", "null", "separators of Unicode"],
)
def test_a_value_is_the_text_that_is_written(literal: str, text: str) -> None:
    result = read(f'{{"who": {literal}}}')
    assert (result.well_formed["who"].tolist(), result.well_formed["note"].tolist()) == (["1", text], ["a", ""])


def test_crlf_ends_a_line_too() -> None:
    assert landed.rows("rides.jsonl", b'{"who": 1}\r\n\r\n{"who": 2}\r\n').well_formed["who"].to_dict() == {
        1: "1",
        3: "2",
    }
