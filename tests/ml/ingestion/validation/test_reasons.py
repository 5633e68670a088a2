import pytest

from ml.ingestion.validation import reasons as words
from ml.ingestion.validation.contract import Violation
from ml.ingestion.validation.reasons import Reasons


def test_each_reason_of_a_row_is_told_once_in_the_order_in_which_it_was_found() -> None:
    reasons = Reasons()
    reasons.add_to_rows([7, 3], "late")
    reasons.add(7, "far")
    reasons.add(7, "late")
    assert (reasons.rows, reasons.join(7), reasons.join(3)) == ([7, 3], "late; far", "late")


def test_a_finding_tells_each_row_its_own_value() -> None:
    reasons = Reasons()
    reasons.add_violation(Violation(row_labels=(3, 4), reason="too far", values=("7", "8")))
    assert (reasons.join(3), reasons.join(4)) == ("too far, got 7", "too far, got 8")


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ([], ""),
        (["zone: expected a value, got an empty cell"], "zone: expected a value, got an empty cell (1)"),
        (["a: expected x, got 1", "a: expected x, got 2"], "a: expected x (2)"),
        (["a: expected x, got 1; b", "b", "late"], "b (2) and 2 other reasons"),
        (["late", "late", "far"], "late (2) and 1 other reason"),
        (["the whole file: missing: a; b, got 7"] * 3, "the whole file: missing: a; b, got 7 (3)"),
        ([words.with_value("a: expected x", f"'{n}; late'") for n in range(9998)], "a: expected x (9,998)"),
    ],
    ids=["none", "one", "with values of their own", "rows with several", "another", "a whole file", "values like it"],
)
def test_the_commonest_reason_is_told_with_how_many_rows_have_it(reported: list[str], said: str) -> None:
    assert words.summarize(words.count_kinds(reported)) == said
