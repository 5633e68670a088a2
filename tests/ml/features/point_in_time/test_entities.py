import numpy as np
import pandas as pd
import pytest

from ml.features.point_in_time import Entities


@pytest.mark.parametrize(("rows", "stretches"), [(0, [0]), (4, [4]), (5, [4, 1]), (9, [4, 4, 1])])
def test_every_entity_is_in_one_stretch_in_its_order(rows: int, stretches: list[int]) -> None:
    entities = Entities(pd.DataFrame({"id": np.arange(rows)}), np.arange(rows)[::-1], chunk_size=4)
    assert [len(each.rows) for each in entities.chunks] == stretches
    assert [id_ for each in entities.chunks for id_ in each.rows["id"]] == list(range(rows))
    assert [second for each in entities.chunks for second in each.distinct_cutoffs[each.cutoff_codes]] == list(
        range(rows)
    )[::-1]


@pytest.mark.parametrize("dtype", ["object", "category"])
def test_a_column_becomes_codes_into_its_levels_and_a_missing_value_none(dtype: str) -> None:
    zones = pd.DataFrame({"zone": pd.Series(["b", None, "a", "b"], dtype=dtype)})
    codes, levels = Entities(zones, np.zeros(4, np.int64)).codes("zone")
    assert [None if code < 0 else levels[code] for code in codes] == ["b", None, "a", "b"]
