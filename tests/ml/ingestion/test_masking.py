"""A quarantined row shows no personal value, also if its cells are shifted."""

import json

import pandas as pd
import pytest

from ml.governance.privacy import MASKED
from ml.ingestion import masking

COLUMNS = ("who", "zone", "age")


def masked(reason: str, **cells: str) -> tuple[str, str]:
    """Return the masked text and reason of one row of a table whose column `who` is personal."""
    rows = pd.DataFrame({"reasons": [reason], "text": [json.dumps(cells)]})
    row = masking.mask_quarantined(rows, {"who"}, COLUMNS).iloc[0]
    return row["text"], row["reasons"]


def test_a_row_whose_cells_are_sound_hides_the_personal_ones_only() -> None:
    text, reason = masked("known only after the cutoff", who="Ann", zone="north", age="4")
    assert (json.loads(text), reason) == (
        {"who": MASKED, "zone": "north", "age": "4"},
        "known only after the cutoff",
    )


@pytest.mark.parametrize(
    "reason",
    [
        "age: expected a number, got 'Ann'",
        "zone, age: expected one that is in places, got Ann, 4",
        "known only after the cutoff; zone: expected isin(['north']), got Ann",
        "the whole file: expected the columns ['who', 'zone', 'age'], got others",
        "expected flat values, got something nested in 'age'",
    ],
)
def test_a_row_with_a_broken_cell_may_be_shifted_and_shows_none(reason: str) -> None:
    text, shown = masked(reason, who="north", zone="Ann", age="4")
    assert text == MASKED
    assert "Ann" not in shown


def test_without_personal_columns_everything_is_shown() -> None:
    rows = pd.DataFrame({"reasons": ["age: expected a number, got 'x'"], "text": ['{"age": "x"}']})
    assert masking.mask_quarantined(rows, (), COLUMNS).equals(rows)
