import numpy as np
import pandas as pd
import pytest

from ml.monitoring import binning


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        pytest.param(np.arange(100.0), (10,) * 10, id="ten bins of equal count"),
        pytest.param([7.0] * 5, (0, 5, 0), id="a constant has a bin of its own"),
        pytest.param([], (0,), id="no values have one empty bin"),
    ],
)
def test_numbers_are_counted_in_bins(values: list[float], counts: tuple[int, ...]) -> None:
    bins = binning.count_numbers(pd.Series(values, dtype=float))
    assert (bins.counts, bins.missing) == (counts, 0)


def test_categories_that_do_not_occur_are_no_levels() -> None:
    column = pd.Series(pd.Categorical(["b", "a", None], categories=["a", "b", "a person who left"]))
    assert binning.count_levels(column) == binning.LevelBins(counts={"a": 1, "b": 1}, missing=1)


def test_a_level_named_missing_shares_the_bin_of_missing_values() -> None:
    reference, current = binning.count_levels(pd.Series(["missing", None, "a", "a"])), pd.Series([None, "b"])
    shares = [each.tolist() for each in reference.shares(current)]
    assert shares == [[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]  # "a", "b", "missing"


def test_of_no_rows_every_share_is_0() -> None:
    for bins in (binning.count_numbers(pd.Series([], dtype=float)), binning.count_levels(pd.Series([], dtype=object))):
        assert not any(each.sum() for each in bins.shares(pd.Series([], dtype=float)))
