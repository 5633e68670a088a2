"""Counting stretch by stretch is counting at once; what is kept does not grow with the rows."""

import pandas as pd
import pytest

from ml.ingestion import row_counts
from ml.ingestion.intake import Taken
from ml.ingestion.row_counts import Tally
from ml.ingestion.validation import Finding


def taken(valid: list[tuple[str, str]], held: list[tuple[str, str]], *warnings: Finding) -> Taken:
    """Return valid rows (file, night) and quarantined ones (file, reason)."""
    return Taken(
        rows_in=len(valid) + len(held),
        valid=pd.DataFrame({"night": [night for _, night in valid]}),
        files=pd.Series([file for file, _ in valid], dtype=object),
        quarantined=pd.DataFrame(held, columns=["file", "reasons"]),
        refused={},
        warnings=warnings,
    )


VALID = [("a.csv", "2013-02-07"), ("a.csv", "2013-02-08"), ("b.csv", "2013-02-08")]
HELD = [("a.csv", "far"), ("c.csv", "late"), ("a.csv", "late"), ("a.csv", "late")]


@pytest.mark.parametrize("border", range(4))
def test_the_sum_of_stretches_is_the_whole(border: int) -> None:
    whole = Tally.of(taken(VALID, HELD))
    assert Tally.of(taken(VALID[:border], HELD[:border])) + Tally.of(taken(VALID[border:], HELD[border:])) == whole
    assert whole.by_night == {"2013-02-07": 1, "2013-02-08": 2}
    assert whole.by_file == {"a.csv": 2, "b.csv": 1}
    assert whole.held == {"a.csv": {"late": 2, "far": 1}, "c.csv": {"late": 1}}
    assert (whole.rows_in, whole.rows_valid, whole.rows_quarantined) == (7, 3, 4)


def test_a_warning_of_several_stretches_is_told_once_with_all_its_rows() -> None:
    stretches = [
        Finding(lines=(1, 2), reason="odd", values=("7", "8")),
        Finding(lines=(3,), reason="odd", values=("9",)),
    ]
    both = Tally.of(taken([], [], stretches[0])) + Tally.of(taken([], [], stretches[1]))
    assert [each.told() for each in both.warnings] == ["odd, got 7 (3 rows)"]
    assert [len(each.lines) for each in both.warnings] == [1]


def test_a_warning_about_the_table_is_told_once() -> None:
    each = Tally.of(taken([], [], Finding(reason="too few")))
    assert [finding.told() for finding in (each + each).warnings] == ["too few"]


def test_of_too_many_reasons_the_rarest_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_counts, "MOST_REASONS", 2)
    one = Tally.of(taken([], [("a.csv", reason) for reason in ("far", "far", "late")]))
    other = Tally.of(taken([], [("a.csv", reason) for reason in ("late", "odd", "even")]))
    assert (one + other).held == {"a.csv": {"far": 2, "late": 2, row_counts.OTHERS: 2}}
