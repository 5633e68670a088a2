"""A planted weak slice is found and named; scores that are calibrated are left in peace, however hard their labels."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml.arrays import Floats
from ml.evaluation import slice_discovery
from ml.statistics.intervals import ScoredRows
from tests.ml.answers import YES_OR_NO

Plant = Callable[[pd.DataFrame], Floats]
CONFIDENCE, SEED = 0.95, 1


def rows(seed: int, nights: int, a_night: int = 500, plant: Plant | None = None, first: int = 0) -> ScoredRows:
    """Return rows whose scores are right but for what is planted (in log-odds), and for the luck of each night."""
    chance = np.random.default_rng(seed)
    count = nights * a_night
    frame = pd.DataFrame({f"number_{n}": chance.normal(size=count) for n in range(6)})
    frame = frame.assign(
        zone=pd.Categorical(chance.choice(["east", "north", "south", "west"], count)),
        minute=chance.integers(300, 1380, count).astype(np.float64),
    )
    reported = -1 + frame["number_0"].to_numpy()
    truth = reported + np.repeat(chance.normal(0, 0.4, nights), a_night) + (plant(frame) if plant else 0.0)
    return ScoredRows(
        frame=frame,
        labels=(chance.random(count) < 1 / (1 + np.exp(-truth))).astype(np.float64),
        scores=1 / (1 + np.exp(-reported)),
        nights=np.repeat([f"night {first + n:03d}" for n in range(nights)], a_night).astype(object),
    )


def in_the_south_after_the_hour(frame: pd.DataFrame) -> Floats:
    return 2.0 * ((frame["zone"] == "south") & (frame["minute"] >= 1164)).to_numpy(np.float64)


def result(seed: int, plant: Plant | None = None, nights: int = 7) -> slice_discovery.SliceSearch:
    earlier, later = rows(seed, 20, plant=plant), rows(seed + 5000, nights, plant=plant, first=900)
    return slice_discovery.search(earlier, later, CONFIDENCE, SEED, YES_OR_NO)


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_weak_slice_is_found_and_named(seed: int) -> None:
    worst = result(seed, in_the_south_after_the_hour, nights=14).confirmed[0]
    assert re.fullmatch(r"(zone=south and )?minute >= 11\d\d( and zone=south)?", worst.rule)
    assert "zone=south" in worst.rule
    assert worst.expected < worst.observed - 0.15
    assert worst.excess.low > 0


def test_a_weak_category_is_named_alone_and_its_parts_are_not_told_beside_it() -> None:
    search = result(3, lambda frame: -1.2 * (frame["zone"] == "west").to_numpy(np.float64))
    assert [each.rule for each in search.confirmed] == ["zone=west"]
    assert search.confirmed[0].expected > search.confirmed[0].observed


@pytest.mark.parametrize("nights", [4, 7], ids=["four nights", "seven nights"])
def test_calibrated_scores_are_called_weak_somewhere_in_one_search_of_twenty_at_most(nights: int) -> None:
    searches = [result(seed, nights=nights) for seed in range(60)]
    assert all(search.rules > 500 for search in searches)
    assert sum(bool(search.confirmed) for search in searches) <= 3


def test_a_region_that_is_only_hard_to_tell_is_not_weak() -> None:
    """East of it the truth is all but known, in the west it is a coin's; the scores say so."""
    chance = np.random.default_rng(4)

    def coins(nights: int, first: int) -> ScoredRows:
        count = nights * 500
        east = chance.random(count) < 0.5
        scores = np.where(east, np.where(chance.random(count) < 0.5, 0.03, 0.97), 0.5)
        return ScoredRows(
            frame=pd.DataFrame({"zone": pd.Categorical(np.where(east, "east", "west"))}),
            labels=(chance.random(count) < scores).astype(np.float64),
            scores=scores,
            nights=np.repeat([f"night {first + n:03d}" for n in range(nights)], 500).astype(object),
        )

    assert slice_discovery.search(coins(20, 0), coins(7, 900), CONFIDENCE, SEED, YES_OR_NO).confirmed == ()


def test_a_night_that_went_badly_everywhere_is_no_slices_fault() -> None:
    later = rows(8, 7, first=900)
    bad = later.nights == "night 903"
    unlucky = ScoredRows(
        frame=later.frame.assign(number_5=np.where(bad, 9.0, later.frame["number_5"])),
        labels=np.where(bad, 1.0, later.labels),
        scores=later.scores,
        nights=later.nights,
    )
    assert slice_discovery.search(rows(9, 20), unlucky, CONFIDENCE, SEED, YES_OR_NO).confirmed == ()


def test_the_same_rows_give_the_same_search() -> None:
    assert result(1) == result(1)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(rows(1, 2, a_night=20), rows(2, 7, first=900), id="few rows to search"),
        pytest.param(rows(1, 20), rows(2, 7, a_night=5, first=900), id="few rows to confirm on"),
    ],
)
def test_where_rows_are_few_nothing_is_shortlisted(earlier: ScoredRows, later: ScoredRows) -> None:
    assert slice_discovery.search(earlier, later, CONFIDENCE, SEED, YES_OR_NO).shortlist == ()


def test_without_features_there_is_nothing_to_look_at() -> None:
    bare = rows(1, 3)
    nothing = ScoredRows(frame=bare.frame[[]], labels=bare.labels, scores=bare.scores, nights=bare.nights)
    assert slice_discovery.search(nothing, nothing, CONFIDENCE, SEED, YES_OR_NO) == slice_discovery.SliceSearch(
        rules=0, rows=1500, shortlist=()
    )


def test_a_rule_that_holds_on_one_night_is_that_nights_luck() -> None:
    assert result(1, in_the_south_after_the_hour, nights=1).shortlist == ()
