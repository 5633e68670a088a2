"""What is found of answers that are numbers: parts, deciles and weak slices, by the share of labels below the answer."""

from dataclasses import replace

import numpy as np
import pytest

from ml.evaluation import diagnostics, slice_discovery, slice_metrics
from ml.metrics import curves
from ml.model_card import sections
from ml.statistics.intervals import ScoredRows
from ml.usecase import EdgeCase, Fairness, Gates
from tests.ml.answers import MINUTES, waited, waiting, zones

ROWS = waited()
SOUTH = (ROWS.frame["zone"] == "south").to_numpy()


def off_in_the_south(rows: ScoredRows, minutes: float) -> ScoredRows:
    south = (rows.frame["zone"] == "south").to_numpy()
    return replace(rows, scores=rows.scores + minutes * south)


def search(seed: int, minutes: float = 0.0) -> slice_discovery.SliceSearch:
    earlier, later = (off_in_the_south(waited(nights=20, seed=each), minutes) for each in (seed, seed + 500))
    later = replace(later, nights=np.array([f"later {night}" for night in later.nights], object))
    return slice_discovery.search(earlier, later, 0.95, 1, MINUTES)


@pytest.mark.parametrize(("minutes", "low", "high"), [(-4.0, 0.2, 0.6), (6.0, 0.85, 1.0)], ids=["too low", "too high"])
def test_a_zone_that_is_answered_wrongly_is_found_and_named(minutes: float, low: float, high: float) -> None:
    worst = search(1, minutes).confirmed[0]
    assert worst.rule == "zone=south"
    assert worst.expected == 0.75
    assert low < worst.observed < high


def test_answers_that_are_right_are_called_weak_somewhere_in_one_search_of_twenty_at_most() -> None:
    assert sum(bool(search(seed).confirmed) for seed in range(40)) <= 2


def test_every_decile_of_right_answers_has_as_many_labels_below_as_were_asked_for() -> None:
    bins = curves.reliability_bins(ROWS, MINUTES.row_calibration(ROWS.labels, ROWS.scores), 0.99)
    assert len(bins) == 10
    assert sum(each.observed is not None and each.observed.low <= 0.75 <= each.observed.high for each in bins) >= 9
    high = replace(ROWS, scores=ROWS.scores + 8)
    too_high = curves.reliability_bins(high, MINUTES.row_calibration(high.labels, high.scores), 0.99)
    assert all(each.observed is not None and each.observed.value > 0.95 for each in too_high)


def test_a_part_that_is_answered_too_low_shows_in_its_share() -> None:
    storm = {EdgeCase(name="storm", condition="is_storm", why="a test"): SOUTH}
    parts = slice_metrics.measure(off_in_the_south(ROWS, -4.0), storm, {"zone=north": ~SOUTH}, Gates(), MINUTES)
    shares = {each.name: each.calibration.value for each in parts if each.calibration is not None}
    assert shares["storm"] < 0.5
    assert shares["zone=north"] == pytest.approx(0.75, abs=0.03)


def test_the_passages_tell_minutes_and_shares_and_nothing_of_acting() -> None:
    case = waiting(fairness=Fairness(group_by=("zone",), min_rows=400))
    rows = off_in_the_south(ROWS, -4.0)
    every = np.ones(len(rows.labels), bool)
    result = diagnostics.measure(
        case, MINUTES, waited(nights=20, seed=3), rows, edge_cases={}, slices={}, levels=zones(rows), included=every
    )
    reported = {heading: "\n".join(lines) for heading, lines in sections.build(result, case).items()}
    head = "| slice | kind | rows | nights | mean label | relative loss | mean absolute error | bias | share below the prediction |"
    assert reported["Quality by slice"].startswith(head)
    assert "| zone=south | 700 | " in reported["Group fairness"]
    assert "| **failed** |" in reported["Group fairness"]
    assert result.gains_curve is None
    assert sections.pictures(result) == ["reliability", "slices", "fairness"]
    assert "acting" not in "".join(reported.values())
