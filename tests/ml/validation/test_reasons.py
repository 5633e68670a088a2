from ml.validation.contract import Finding
from ml.validation.reasons import Reasons


def test_each_reason_of_a_row_is_told_once_in_the_order_in_which_it_was_found() -> None:
    reasons = Reasons()
    reasons.note_rows([7, 3], "late")
    reasons.note(7, "far")
    reasons.note(7, "late")
    assert (reasons.rows, reasons.of(7), reasons.of(3)) == ([7, 3], "late; far", "late")


def test_a_finding_tells_each_row_its_own_value() -> None:
    reasons = Reasons()
    reasons.note_finding(Finding(lines=(3, 4), reason="too far", values=("7", "8")))
    assert (reasons.of(3), reasons.of(4)) == ("too far, got 7", "too far, got 8")
