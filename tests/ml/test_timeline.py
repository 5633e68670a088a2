import numpy as np
import pandas as pd
import pytest

from ml import timeline
from ml.timeline import View

TABLE = pd.DataFrame({"zone": ["a", "a", "b", None], "size": [1.0, 2.0, 4.0, 8.0]})


def view(zones: list[str | None], cutoffs: list[int], known_at: tuple[int, ...] = (10, 20, 20, 20)) -> View:
    entities = pd.DataFrame({"zone": pd.Series(zones, dtype=object)})
    return View(TABLE, entities, np.array(known_at), np.array(cutoffs, np.int64))


@pytest.mark.parametrize(
    ("cutoff", "total"), [(9, 0.0), (10, 1.0), (19, 1.0), (20, 3.0), (10**10, 3.0), (-(10**10), 0.0)]
)
def test_a_group_has_gathered_what_was_known_by_the_second_of_the_cutoff(cutoff: int, total: float) -> None:
    assert view(["a"], [cutoff]).gathered(("zone",), "size", 10**11)[0][0] == total


def test_what_was_known_before_the_window_began_is_left_out() -> None:
    totals, counts = view(["a", "a"], [20, 21]).gathered(("zone",), "size", 10)
    assert (list(totals), list(counts)) == ([2.0, 2.0], [1.0, 1.0])


@pytest.mark.parametrize("zone", ["never seen", None], ids=["unseen", "missing"])
def test_a_group_that_is_not_there_has_gathered_nothing(zone: str | None) -> None:
    totals, counts = view([zone], [100]).gathered(("zone",), "size", 1000)
    assert (totals[0], counts[0]) == (0, 0)


def test_without_groups_every_row_counts() -> None:
    assert view(["a"], [100]).gathered((), "size", 1000)[0][0] == 15


def test_a_huge_value_of_one_group_does_not_touch_the_digits_of_another() -> None:
    table = pd.DataFrame({"zone": ["a", "b"], "size": [1e300, 0.1]})
    entities = pd.DataFrame({"zone": ["b"]})
    found = View(table, entities, np.array([0, 0]), np.array([10])).gathered(("zone",), "size", 100)
    assert found[0][0] == 0.1


def test_no_rows_and_no_entities_are_no_trouble() -> None:
    assert view([], []).gathered(("zone",), "size", 10)[0].shape == (0,)
    empty = View(TABLE.head(0), pd.DataFrame({"zone": ["a"]}), np.zeros(0, np.int64), np.array([5]))
    assert empty.gathered(("zone",), "size", 10)[0][0] == 0


def test_seconds_are_rounded_up_so_that_a_row_is_never_known_early() -> None:
    instants = pd.Series(pd.to_datetime([1_000_000_000, 1_000_000_001], unit="ns", utc=True))
    assert list(timeline.seconds(instants)) == [1, 2]
