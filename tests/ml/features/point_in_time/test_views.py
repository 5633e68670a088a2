import numpy as np
import pandas as pd
import pytest

from ml.features.point_in_time import AsOfView, Entities, TableIndex

TABLE = pd.DataFrame({"zone": ["a", "a", "b", None], "size": [1.0, 2.0, 4.0, 8.0]})


def known(table: pd.DataFrame, *seconds: int) -> pd.DataFrame:
    return table.assign(known_at=pd.to_datetime(seconds, unit="s", utc=True))


def view(zones: list[str | None], cutoffs: list[int], known_at: tuple[int, ...] = (10, 20, 20, 20)) -> AsOfView:
    entities = pd.DataFrame({"zone": pd.Series(zones, dtype=object)})
    return AsOfView(TableIndex(known(TABLE, *known_at), "known_at"), Entities(entities, np.array(cutoffs, np.int64)))


def gathered(seen: AsOfView, by: tuple[str, ...], ago: int) -> tuple[list[float], list[float]]:
    asked = seen.lookup_keys(by).pairs.pair_of_entity
    total, count = (each(by, "size", ago, "known_at")[asked] for each in (seen.window_sum, seen.window_count))
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
    seen = AsOfView(TableIndex(known(table, 0, 0), "known_at"), Entities(pd.DataFrame({"zone": ["b"]}), np.array([10])))
    assert gathered(seen, ("zone",), 100)[0] == [value]


def test_no_rows_and_no_entities_are_no_trouble() -> None:
    assert gathered(view([], []), ("zone",), 10) == ([], [])
    empty = AsOfView(
        TableIndex(known(TABLE.head(0)), "known_at"), Entities(pd.DataFrame({"zone": ["a"]}), np.array([5]))
    )
    assert gathered(empty, ("zone",), 10) == ([0], [0])


@pytest.mark.parametrize("by", [(), ("zone",)], ids=["all", "by zone"])
def test_a_stretch_of_entities_is_told_what_it_is_told_among_all(by: tuple[str, ...]) -> None:
    zones = pd.DataFrame({"zone": pd.Series(["a", "b", None, "a", "unseen"], dtype=object)})
    history, cutoffs = TableIndex(known(TABLE, 10, 20, 20, 20), "known_at"), np.array([20, 25, 9, 10, 30])
    entities = Entities(zones, cutoffs, chunk_size=2)
    together = gathered(AsOfView(history, entities), by, 15)
    apart = [gathered(AsOfView(history, each), by, 15) for each in entities.chunks]
    assert len(apart) == 3
    assert together == tuple([value for part in parts for value in part] for parts in zip(*apart, strict=True))
