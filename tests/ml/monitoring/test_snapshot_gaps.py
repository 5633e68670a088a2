"""A gap is late when the snapshot before it became too old while somebody could have asked."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ml.monitoring import snapshot_gaps
from ml.monitoring.snapshot_gaps import SnapshotGaps

NOON, HOUR = datetime(2024, 3, 17, 12, tzinfo=UTC), timedelta(minutes=60)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        pytest.param((), (240.0, 1), id="no snapshot at all"),
        pytest.param((0, 60, 120, 180), (60.0, 0), id="as old as may be"),
        pytest.param((0, 61, 120, 180), (61.0, 1), id="a minute too old"),
        pytest.param((-30, 40, 100, 160, 220), (70.0, 1), id="one before counts with its age"),
        pytest.param((-90, -10, 50, 110, 170, 230, 300), (60.0, 0), id="only the last one before, none after"),
        pytest.param((180, 0, 120, 60), (60.0, 0), id="in any order"),
        pytest.param((120,), (120.0, 2), id="late twice"),
    ],
)
def test_gaps_between_noon_and_four(moments: tuple[int, ...], expected: tuple[float, int]) -> None:
    gaps = snapshot_gaps.measure([after(each) for each in moments], NOON, after(240), HOUR)
    assert gaps == SnapshotGaps(longest_minutes=expected[0], late=expected[1])


@given(st.lists(st.integers(-100, 400), max_size=20), st.integers(-100, 400))
def test_one_more_snapshot_never_lengthens_the_longest_gap_unless_it_is_older(moments: list[int], more: int) -> None:
    def longest(minutes: list[int]) -> float:
        return snapshot_gaps.measure([after(each) for each in minutes], NOON, after(240), HOUR).longest_minutes

    if moments and min(moments) <= 0 < more:
        assert longest([*moments, more]) <= longest(moments)
