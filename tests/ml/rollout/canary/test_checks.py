"""Each check alone: its number, what it counts, and what it is not moved by."""

from dataclasses import replace

import numpy as np
import pytest

from ml.promotion.gate import CheckStatus
from ml.rollout.canary import PairedScores, checks
from tests.ml.rollout.canary.asked import BUDGET, RULE, TARGET, Faults, seen

ALPHA, MATURED = 0.01, 0.95


def test_numbers_are_the_shares_less_the_champions() -> None:
    given = seen(Faults(erring=0.3, slow=0.2))
    faults, slow = checks.service_checks(given, RULE, BUDGET, ALPHA, min_responses=1)
    assert faults.value == pytest.approx(given.canary.is_fault.mean())
    assert slow.value == pytest.approx((given.canary.latency_ms > 10).mean())
    assert (faults.observed, faults.unit, faults.bar) == (
        len(given.canary),
        "answers at this share",
        "not shown above 0.01",
    )


@pytest.mark.parametrize(
    ("scores", "value"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.0),
        ([0.2, 0.1, 0.4, 0.3], 1.0),
        ([0.2, 0.2, 0.3, 0.4], 0.5),
        ([0.5, 0.9, 0.6, 0.7], 0.0),
    ],
    ids=["the same", "turned round", "a tie", "other levels"],
)
def test_scores_are_held_against_the_champions_by_their_order(scores: list[float], value: float) -> None:
    given, champion = seen(rows=4), np.array([0.1, 0.2, 0.3, 0.4])
    same = PairedScores(champion=np.tile(champion, 200), canary=np.tile(champion, 200))
    rows = replace(given.rows, scores=PairedScores(champion=champion, canary=np.array(scores)))
    assert checks.rank_order_check(replace(given, shadow=same, rows=rows), RULE, ALPHA).value == value


def test_a_night_that_moves_all_scores_alike_moves_no_order() -> None:
    given = seen(Faults(shift=2.0))
    assert checks.rank_order_check(given, RULE, ALPHA).status is CheckStatus.PASS


@pytest.mark.parametrize("shift", [1.5, -1.5])
def test_log_odds_that_left_the_shadows_level_are_shown_without_a_label(shift: float) -> None:
    check = checks.score_level_check(seen(Faults(shift=shift)), RULE, TARGET, ALPHA)
    assert check.status is CheckStatus.FAIL
    assert check.value == pytest.approx(1.5, abs=0.05)
    assert checks.score_level_check(seen(Faults(shift=shift / 5)), RULE, TARGET, ALPHA).status is CheckStatus.PASS


def test_a_night_counts_for_the_level_once_a_later_one_has_begun() -> None:
    check = checks.score_level_check(seen(rows=1200), RULE, TARGET, ALPHA)
    assert (check.observed, check.min_observations, check.status) == (2, 3, CheckStatus.INCONCLUSIVE)


def test_without_a_shadow_there_is_no_level() -> None:
    nothing = PairedScores(champion=np.empty(0), canary=np.empty(0))
    check = checks.score_level_check(replace(seen(Faults(shift=3.0)), shadow=nothing), RULE, TARGET, ALPHA)
    assert (check.value, check.status) == (None, CheckStatus.INCONCLUSIVE)


def test_a_night_that_is_unlike_all_others_moves_both_models_and_shows_neither() -> None:
    given = seen()
    stormy = replace(given.rows, labels=np.ones(len(given.rows.labels)))
    assert checks.calibration_check(stormy, RULE, TARGET, MATURED, ALPHA).status is CheckStatus.PASS


@pytest.mark.parametrize("side", [1, -1])
def test_a_canary_nearer_to_the_labels_than_the_champion_is_not_shown_worse(side: int) -> None:
    given = seen()
    off = np.clip(given.rows.scores.champion + side * 0.3, 0, 1)
    scores = replace(given.rows.scores, champion=off)
    check = checks.calibration_check(replace(given.rows, scores=scores), RULE, TARGET, MATURED, ALPHA)
    assert check.status is CheckStatus.PASS
    assert check.value is not None
    assert check.value < 0


def test_a_dearer_night_is_one_observation_however_many_rows_it_has() -> None:
    given = seen(Faults(noise=1.5))
    one = replace(given.rows, nights=np.full(len(given.rows.labels), "2020-01-01", object))
    assert checks.cost_check(one, RULE, TARGET, MATURED, ALPHA).failed_after is None
    assert checks.cost_check(given.rows, RULE, TARGET, MATURED, ALPHA).failed_after is not None


def test_a_night_counts_once_enough_of_it_is_labelled() -> None:
    given = seen(rows=1200)
    labels = given.rows.labels.copy()
    labels[:30] = np.nan
    check = checks.cost_check(replace(given.rows, labels=labels), RULE, TARGET, MATURED, ALPHA)
    assert (check.observed, check.min_observations, check.status) == (2, 3, CheckStatus.INCONCLUSIVE)


def test_the_champion_itself_costs_nothing_more() -> None:
    given = seen()
    scores = replace(given.rows.scores, canary=given.rows.scores.champion)
    assert checks.cost_check(replace(given.rows, scores=scores), RULE, TARGET, MATURED, ALPHA).value == 0
