"""Counting stretch by stretch is counting at once; what is kept does not grow with the rows."""

import pandas as pd
import pytest

from ml.ingestion.intake import IngestResult
from ml.ingestion.row_counts import RowCounts
from ml.ingestion.validation import Violation, reasons
from ml.ingestion.validation.reasons import KindCount


def taken(valid: list[tuple[str, str]], held: list[tuple[str, str]], *warnings: Violation) -> IngestResult:
    """Return valid rows (file, night) and quarantined ones (file, reason)."""
    return IngestResult(
        rows_in=len(valid) + len(held),
        valid=pd.DataFrame({"night": [night for _, night in valid]}),
        row_files=pd.Series([file for file, _ in valid], dtype=object),
        quarantined=pd.DataFrame(held, columns=["file", "reasons"]),
        refused_files={},
        warnings=warnings,
    )


VALID = [("a.csv", "2013-02-07"), ("a.csv", "2013-02-08"), ("b.csv", "2013-02-08")]
HELD = [("a.csv", "far"), ("c.csv", "late"), ("a.csv", "late"), ("a.csv", "late")]


@pytest.mark.parametrize("border", range(4))
def test_the_sum_of_stretches_is_the_whole(border: int) -> None:
    whole = RowCounts.from_result(taken(VALID, HELD))
    assert (
        RowCounts.from_result(taken(VALID[:border], HELD[:border]))
        + RowCounts.from_result(taken(VALID[border:], HELD[border:]))
        == whole
    )
    assert whole.by_night == {"2013-02-07": 1, "2013-02-08": 2}
    assert whole.by_file == {"a.csv": 2, "b.csv": 1}
    assert whole.quarantined == {"a.csv": 3, "c.csv": 1}
    assert {file: reasons.summarize(kinds, 9) for file, kinds in whole.reasons.items()} == {
        "a.csv": "late (2), far (1)",
        "c.csv": "late (1)",
    }
    assert (whole.rows_in, whole.rows_valid, whole.rows_quarantined) == (7, 3, 4)


def test_a_warning_of_several_stretches_is_told_once_with_all_its_rows() -> None:
    stretches = [
        Violation(row_labels=(1, 2), reason="odd", values=("7", "8")),
        Violation(row_labels=(3,), reason="odd", values=("9",)),
    ]
    both = RowCounts.from_result(taken([], [], stretches[0])) + RowCounts.from_result(taken([], [], stretches[1]))
    assert [each.describe() for each in both.warnings] == ["odd, got 7 (3 rows)"]
    assert [len(each.row_labels) for each in both.warnings] == [1]


def test_a_warning_about_the_table_is_told_once() -> None:
    each = RowCounts.from_result(taken([], [], Violation(reason="too few")))
    assert [finding.describe() for finding in (each + each).warnings] == ["too few"]


def test_reasons_that_differ_in_the_value_only_are_one_however_many_there_are() -> None:
    parts = [
        RowCounts.from_result(
            taken([], [("a.csv", f"speed: expected a number, got 'x{n}'") for n in range(at, at + 9)])
        )
        for at in (0, 9)
    ]
    assert (parts[0] + parts[1]).reasons == {
        "a.csv": {"speed: expected a number": KindCount(18, "speed: expected a number")}
    }


def test_without_values_no_reason_or_warning_has_one() -> None:
    warning = Violation(row_labels=(1,), reason="odd", values=("Ann Smith",))
    held = [("a.csv", "age: expected a number, got 'Ann Smith'; late")]
    assert "Ann" not in str(RowCounts.from_result(taken([], held, warning), show_values=False))
