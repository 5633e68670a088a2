from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Strings
from ml.errors import RefusalError
from ml.training import splitting
from ml.usecase import Gates


def nights(count: int, rows: int = 2) -> Strings:
    return np.repeat([f"2013-01-{day:02d}" for day in range(1, count + 1)], rows).astype(object)


def test_the_latest_nights_are_kept_for_judging() -> None:
    parts = splitting.split(nights(10), Gates(judged_nights=3))
    assert sorted(set(nights(10)[parts.holdout])) == ["2013-01-08", "2013-01-09", "2013-01-10"]
    assert (parts.train == ~parts.holdout).all()


def test_nights_that_the_champion_has_used_are_not_judged_on() -> None:
    splitting.split(nights(20), Gates(judged_nights=7), used_until="2013-01-13")
    with pytest.raises(RefusalError, match="expected 7 matured nights after 2013-01-14 to judge on, got 6: wait"):
        splitting.split(nights(20), Gates(judged_nights=7), used_until="2013-01-14")


@pytest.mark.parametrize(
    ("count", "used", "judged"),
    [
        pytest.param(12, 0, 4, id="few: as many as must be"),
        pytest.param(24, 0, 6, id="a quarter of all"),
        pytest.param(24, 19, 4, id="as many as must be of those that the champion has not used"),
        pytest.param(24, 12, 6, id="half of those that the champion has not used"),
        pytest.param(31, 0, 7, id="a quarter, rounded down"),
        pytest.param(31, 27, 4, id="few that it has not used"),
    ],
)
def test_more_nights_are_judged_on_as_more_have_come(count: int, used: int, judged: int) -> None:
    gates = Gates(judged_nights=4, max_judged_nights=10)
    until = f"2013-01-{used:02d}" if used else ""
    assert len(set(nights(count)[splitting.split(nights(count), gates, until).holdout])) == judged
    few = replace(gates, max_judged_nights=5)
    assert len(set(nights(count)[splitting.split(nights(count), few, until).holdout])) == min(judged, 5)


@pytest.mark.parametrize(
    ("count", "reported"),
    [
        (2, "expected 3 matured nights after the beginning to judge on, got 2"),
        (6, r"labelled rows of 7 nights or more \(3 to judge on, the rest to learn from\), got 6"),
    ],
    ids=["to judge on", "to learn from"],
)
def test_too_few_nights_are_a_refusal(count: int, reported: str) -> None:
    with pytest.raises(RefusalError, match=reported):
        splitting.split(nights(count), Gates(judged_nights=3))


@given(st.lists(st.integers(1, 28), min_size=4, max_size=60).filter(lambda days: len(set(days)) >= 4))
def test_folds_walk_forward_and_never_cut_a_night(days: list[int]) -> None:
    given_nights = np.array([f"2013-01-{day:02d}" for day in days], dtype=object)
    seen: set[str] = set()
    for learned, predicted in splitting.folds(given_nights):
        assert learned.any()
        assert max(given_nights[learned]) < min(given_nights[predicted])
        assert not seen & set(given_nights[predicted])
        seen |= set(given_nights[predicted])
    assert max(given_nights) in seen


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 28), min_size=6, max_size=60).filter(lambda days: len(set(days)) >= 6))
def test_every_judged_night_is_later_than_every_fitted_one_and_no_row_is_lost(days: list[int]) -> None:
    given_nights = np.array([f"2013-01-{day:02d}" for day in days], dtype=object)
    parts = splitting.split(given_nights, Gates(judged_nights=2))
    assert (parts.train ^ parts.holdout).all()
    assert max(given_nights[parts.train]) < min(given_nights[parts.holdout])


def test_many_rows_do_not_make_up_for_few_nights() -> None:
    with pytest.raises(RefusalError, match="got 6"):
        splitting.split(nights(6, rows=1000), Gates(judged_nights=3))


def test_the_fewest_nights_that_are_enough_are_taken() -> None:
    assert len(set(nights(7)[splitting.split(nights(7), Gates(judged_nights=3)).train])) == 4
