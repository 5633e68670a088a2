import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features.point_in_time.histories import TableIndex, Timeline

ROWS = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 5)), max_size=20)


@given(ROWS, st.sampled_from([1, 20_000]))
def test_a_line_has_the_rows_of_groups_by_group_and_second_and_equals_in_their_order(
    rows: list[tuple[int, int]], apart: int
) -> None:
    groups = np.array([group if group < 0 else group * apart for group, _ in rows], np.int32)
    instants = np.array([second for _, second in rows], np.int64)
    line = Timeline.build(groups, instants, np.argsort(instants, kind="stable").astype(np.int32))
    expected = sorted((groups[row], instants[row], row) for row in range(len(rows)) if groups[row] >= 0)
    assert list(zip(line.groups, line.seconds, line.order, strict=True)) == expected


def test_the_latest_event_of_a_group_is_of_equals_the_one_known_last() -> None:
    groups, known = np.array([0, 0, 0, 1], np.int32), np.array([1, 2, 3, 1], np.int64)
    line = Timeline.build(groups, known, np.arange(4, dtype=np.int32))
    assert line.latest(np.array([7, 7, 5, 1])).tolist() == [0, 1, 1, 3]


@pytest.mark.parametrize("exact", [True, False])
def test_running_sums_of_a_group_are_the_differences_between_places(exact: bool) -> None:
    line = Timeline.build(np.array([1, 0, 1], np.int32), np.array([5, 6, 7], np.int64), np.arange(3, dtype=np.int32))
    running = line.running_sums(np.array([1.0, 2.0, 4.0]), exact)
    assert running.restarts is not exact
    assert (running.sums[3] - running.sums[2], running.sums[1]) == (4.0, 2.0)


def test_what_is_made_of_a_line_is_made_once() -> None:
    line = TableIndex(pd.DataFrame({"known_at": pd.to_datetime([1], unit="s", utc=True)}), "known_at").timeline(())
    assert line.cached("key", object) is line.cached("key", object)
