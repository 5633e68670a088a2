import pytest

from ml.model_card import markdown
from ml.statistics.intervals import Interval

SPAN = Interval(value=0.5, low=-0.25, high=1.0)


def test_a_table_has_a_head_and_bars_in_cells_are_escaped() -> None:
    assert markdown.table(("a", "b"), [("1|2", "3")]) == ["| a | b |", "| --- | --- |", "| 1\\|2 | 3 |"]


def test_a_difference_has_a_sign() -> None:
    assert markdown.signed_interval(SPAN) == "+0.5000 [-0.2500, +1.0000]"


@pytest.mark.parametrize(("each", "reported"), [(SPAN, "0.50 [-0.25, 1.00]"), (None, "none")], ids=["known", "unknown"])
def test_a_number_is_told_with_its_interval(each: Interval | None, reported: str) -> None:
    assert markdown.plain_interval(each) == reported
