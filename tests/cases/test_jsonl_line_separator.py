"""Only a line feed ends a line of JSON; what else Unicode calls the end of a line stands within a text."""

import json

import pytest

from tests import landed


@pytest.mark.parametrize(
    "separator",
    [
        pytest.param("\u2028", id="line separator"),
        pytest.param("\u2029", id="paragraph separator"),
        pytest.param("\x85", id="next line"),
        pytest.param("\x7f", id="delete"),
        pytest.param("", id="none"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_line_of_json_ends_where_its_line_feed_is(separator: str, end: str) -> None:
    drivers = [f"A{separator}B", "C"]
    lines = [json.dumps({"ride": number, "driver": name}, ensure_ascii=False) for number, name in enumerate(drivers)]
    rows = landed.rows("rides.jsonl", end.join([*lines, "{broken", ""]).encode())
    assert rows.count == 3
    assert rows.well_formed["driver"].tolist() == drivers
    assert rows.malformed.index.tolist() == [3]
