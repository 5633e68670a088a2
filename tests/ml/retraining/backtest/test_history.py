"""What was known when: no label before its time, no night before enough of its labels."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.retraining.backtest import history
from ml.retraining.backtest.history import BacktestHistory

BEGIN = datetime(2024, 1, 1, 2, tzinfo=UTC)
ROWS = BacktestHistory(
    nights=np.repeat(["2024-01-01", "2024-01-03", "2024-01-04"], [2, 4, 1]).astype(object),
    labels=np.array([1, 0, 1, 1, 0, np.nan, 0]),
    known_at=np.array(["2024-01-02", "2024-01-05", *["2024-01-04"] * 3, "NaT", "2024-01-06"], "datetime64[ns]"),
)


@pytest.mark.parametrize(
    ("first", "last", "rows"),
    [
        ("2024-01-01", "2024-01-03", (0, 6)),
        ("2024-01-02", "2024-01-02", (2, 2)),
        ("2024-01-03", "2024-01-31", (2, 7)),
        ("2024-01-04", "2024-01-01", (6, 6)),
    ],
    ids=["both ends", "a day without rows", "beyond the end", "backwards"],
)
def test_rows_of_nights_are_found_both_ends_included(first: str, last: str, rows: tuple[int, int]) -> None:
    result = ROWS.rows(first, last)
    assert (result.start, result.stop) == rows


@pytest.mark.parametrize(
    ("days", "share", "rows"),
    [(2, 0.5, [0]), (2, 0.6, []), (3, 0.5, [0, 2, 3, 4]), (3, 0.8, []), (4, 0.9, [0, 1]), (5, 0.7, [0, 1, 2, 3, 4, 6])],
)
def test_labels_count_once_known_and_nights_once_enough_of_them_are(days: int, share: float, rows: list[int]) -> None:
    assert ROWS.matured(slice(0, 7), BEGIN + timedelta(days=days), share).tolist() == rows


def test_no_rows_have_no_labels() -> None:
    assert ROWS.matured(slice(2, 2), BEGIN, 0.5).tolist() == []


@given(st.integers(0, 6), st.integers(0, 6))
def test_new_labels_are_those_that_became_known_between_two_cutoffs(one: int, other: int) -> None:
    after, by = (BEGIN + timedelta(days=each) for each in sorted((one, other)))
    known = ROWS.known_at
    expected = int(((known > history.utc_instant(after)) & (known <= history.utc_instant(by))).sum())
    assert ROWS.new_labels(after, by) == expected
