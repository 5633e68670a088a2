import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.stores import tuning_studies
from ml.training.tuning import ParameterValues, Range

SPACE = {"rate": Range(low=0.01, high=1.0), "count": Range(low=1, high=100, is_integer=True)}
FIRST = {"rate": 0.5, "count": 90.0}
TRIALS = 9


class Search:
    """A search for rate .1 and count 10, and what it was told."""

    def __init__(self, folder: Path, stops_at: int = TRIALS + 1) -> None:
        self.folder, self.stops_at = folder, stops_at
        self.tried: list[ParameterValues] = []
        self.reported: list[tuple[int, float]] = []

    def worth(self, result: ParameterValues) -> float:
        if len(self.tried) + 1 == self.stops_at:
            raise KeyboardInterrupt
        self.tried.append(dict(result))
        return (result["rate"] - 0.1) ** 2 + (result["count"] - 10) ** 2 / 1e4

    def tell(self, number: int, result: ParameterValues, worth: float, seconds: float) -> None:
        self.reported.append((number, seconds))

    def run(self) -> ParameterValues:
        return tuning_studies.search(self.folder, "toy", SPACE, FIRST, self.worth, TRIALS, self.tell, seed=5)


def test_the_best_of_as_many_trials_as_were_asked_for_is_found_and_the_first_is_what_was_given(tmp_path: Path) -> None:
    search = Search(tmp_path)
    result = search.run()
    assert search.tried[0] == FIRST
    assert [number for number, _ in search.reported] == list(range(1, TRIALS + 1))
    assert result == min(search.tried, key=lambda each: Search(tmp_path).worth(each))
    assert all(0.01 <= each["rate"] <= 1 and each["count"] == int(each["count"]) for each in search.tried)


@pytest.mark.parametrize("stops_at", [1, 2, 7, 9])
def test_a_search_that_was_interrupted_goes_on_to_the_same_end(tmp_path: Path, stops_at: int) -> None:
    whole = Search(tmp_path / "whole")
    expected = whole.run()
    first = Search(tmp_path / "parts", stops_at)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    rest = Search(tmp_path / "parts")
    assert rest.run() == expected
    assert first.tried + rest.tried == whole.tried


def test_a_search_that_is_over_tries_nothing_more(tmp_path: Path) -> None:
    expected = Search(tmp_path).run()
    again = Search(tmp_path)
    assert again.run() == expected
    assert again.tried == []


def test_the_seconds_told_are_those_of_all_trials_so_far(tmp_path: Path) -> None:
    first = Search(tmp_path, stops_at=4)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    rest = Search(tmp_path)
    rest.run()
    seconds = [each for _, each in first.reported + rest.reported]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


class Slow(Search):
    """One whose trials take a while, so that two at once would get into each other's way."""

    def worth(self, result: ParameterValues) -> float:
        time.sleep(0.02)
        return super().worth(result)


def test_two_that_search_the_same_at_once_find_what_one_finds_and_no_trial_is_made_twice(tmp_path: Path) -> None:
    expected = Search(tmp_path / "alone").run()
    both = [Slow(tmp_path / "both") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(Search.run, both)] == [expected, expected]
    assert sum(len(each.tried) for each in both) == TRIALS
