import numpy as np
import pandas as pd
import pytest

from ml import timeline
from ml.timeline import Entities, View

TABLE = pd.DataFrame({"zone": ["a", "a", "b", None], "size": [1.0, 2.0, 4.0, 8.0]})


def known(table: pd.DataFrame, *seconds: int) -> pd.DataFrame:
    return table.assign(known_at=pd.to_datetime(seconds, unit="s", utc=True))


def view(zones: list[str | None], cutoffs: list[int], known_at: tuple[int, ...] = (10, 20, 20, 20)) -> View:
    entities = pd.DataFrame({"zone": pd.Series(zones, dtype=object)})
    return View(known(TABLE, *known_at), Entities(entities, np.array(cutoffs, np.int64)), "known_at")


def gathered(seen: View, by: tuple[str, ...], ago: int) -> tuple[list[float], list[float]]:
    asked = seen.by(by).asked
    total, count = (each(by, "size", ago, "known_at")[asked] for each in (seen.summed, seen.counted))
    return total.tolist(), count.tolist()


@pytest.mark.parametrize(
    ("cutoff", "total"), [(9, 0.0), (10, 1.0), (19, 1.0), (20, 3.0), (10**10, 3.0), (-(10**10), 0.0)]
)
def test_a_group_has_gathered_what_was_known_by_the_second_of_the_cutoff(cutoff: int, total: float) -> None:
    assert gathered(view(["a"], [cutoff]), ("zone",), 10**11)[0] == [total]


def test_what_was_known_before_the_window_began_is_left_out() -> None:
    assert gathered(view(["a", "a"], [20, 21]), ("zone",), 10) == ([2.0, 2.0], [1.0, 1.0])


@pytest.mark.parametrize("zone", ["never seen", None], ids=["unseen", "missing"])
def test_a_group_that_is_not_there_has_gathered_nothing(zone: str | None) -> None:
    assert gathered(view([zone], [100]), ("zone",), 1000) == ([0], [0])


def test_without_groups_every_row_counts() -> None:
    assert gathered(view(["a"], [100]), (), 1000)[0] == [15]


@pytest.mark.parametrize("value", [0.1, 1.0], ids=["summed group by group", "beside whole numbers"])
def test_a_huge_value_of_one_group_does_not_touch_the_digits_of_another(value: float) -> None:
    table = pd.DataFrame({"zone": ["a", "b"], "size": [1e300, value]})
    seen = View(known(table, 0, 0), Entities(pd.DataFrame({"zone": ["b"]}), np.array([10])), "known_at")
    assert gathered(seen, ("zone",), 100)[0] == [value]


def test_groups_of_many_columns_are_the_combinations_that_there_are() -> None:
    chance = np.random.default_rng(3)
    table = pd.DataFrame(chance.integers(0, 9000, (3000, 3)), columns=list("xyz")).astype({"y": str}).assign(size=1.0)
    table = table.astype({"z": "category"})
    seen = View(known(table, *[0] * 3000), Entities(table.head(50), np.full(50, 5)), "known_at")
    assert gathered(seen, ("x", "y", "z"), 10)[0] == [1.0] * 50


def test_no_rows_and_no_entities_are_no_trouble() -> None:
    assert gathered(view([], []), ("zone",), 10) == ([], [])
    empty = View(known(TABLE.head(0)), Entities(pd.DataFrame({"zone": ["a"]}), np.array([5])), "known_at")
    assert gathered(empty, ("zone",), 10) == ([0], [0])


def test_a_cutoff_is_rounded_down_so_that_it_is_never_late() -> None:
    instants = pd.Series(pd.to_datetime([7_200_999_999_999, None], unit="ns", utc=True))
    now, never = timeline.seconds_before(instants, 1.5)
    assert now == 1800
    assert never < -(10**9)


def test_seconds_are_rounded_up_so_that_a_row_is_never_known_early() -> None:
    instants = pd.Series(pd.to_datetime([1_000_000_000, 1_000_000_001], unit="ns", utc=True))
    assert list(timeline.seconds(instants)) == [1, 2]
