import pandas as pd

from ml.features import point_in_time


def test_a_cutoff_is_rounded_down_so_that_it_is_never_late() -> None:
    instants = pd.Series(pd.to_datetime([7_200_999_999_999, None], unit="ns", utc=True))
    now, never = point_in_time.seconds_before(instants, 1.5)
    assert now == 1800
    assert never < -(10**9)


def test_seconds_are_rounded_up_so_that_a_row_is_never_known_early() -> None:
    instants = pd.Series(pd.to_datetime([1_000_000_000, 1_000_000_001], unit="ns", utc=True))
    assert list(point_in_time.seconds(instants)) == [1, 2]
