from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.governance.checks import CheckStatus
from ml.monitoring import publication_gate
from ml.monitoring.publication_gate import PublicationDecision, ScoreBatch
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import PublicationGate

BARS = PublicationGate()
MILES, PLACE = "miles", "degrees of one place"


def night(seed: int, rows: int = 1_000) -> pd.DataFrame:
    """Return a night: its scores vary from night to night a little, one feature hardly, another has one value a night."""
    chance = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-chance.normal(-1 + 0.2 * chance.normal(), 1, rows)))
    return pd.DataFrame({"score": scores, MILES: chance.gamma(2, 400, rows), PLACE: chance.normal(60, 15)})


def profiled(rows: pd.DataFrame) -> Mapping[str, Profile]:
    return {str(name): column_profiles.from_column(rows[name]) for name in rows}


BEFORE = [profiled(night(seed)) for seed in range(14)]


def judged(rows: pd.DataFrame, entities: int | None = None, wrong: int = 0, nights: int = 14) -> PublicationDecision:
    batch = ScoreBatch(
        entities=len(rows) if entities is None else entities, rows=len(rows), invalid=wrong, profiles=profiled(rows)
    )
    return publication_gate.evaluate(batch, publication_gate.build_reference(BEFORE[:nights], BARS), BARS)


@given(st.integers(100, 10_000))
def test_a_night_like_the_others_may_be_issued(seed: int) -> None:
    assert judged(night(seed)).is_publishable


@pytest.mark.parametrize(
    ("fault", "reported"),
    [
        (lambda rows: rows.assign(score=0.3), "spread of the scores"),
        (lambda rows: rows.assign(score=1 - rows["score"]), "share of scores moved"),
        (lambda rows: rows.assign(miles=rows[MILES] * 1.609), "moved from the nearest of the last nights \\(miles\\)"),
        (lambda rows: rows.assign(miles=np.nan), "\\(miles\\)"),
        (lambda rows: rows[:500], "rows, as a multiple"),
        (lambda rows: pd.concat([rows] * 2), "rows, as a multiple"),
        (lambda rows: rows[:0], "rows, as a multiple"),
    ],
    ids=["constant", "turned round", "another unit", "a feature gone", "half gone", "twice", "nothing"],
)
def test_a_night_that_is_not_like_the_others_is_withheld(fault: object, reported: str) -> None:
    verdict = judged(fault(night(99)))  # type: ignore[operator]
    assert not verdict.is_publishable
    assert pd.Series([verdict.reason]).str.contains(reported).all(), verdict.reason


@pytest.mark.parametrize(
    ("entities", "wrong", "reason"),
    [
        (1_100, 0, "entities with a score: expected 0.99 to 1, got 0.9091"),
        (1_000, 3, "invalid scores: expected 0, got 3"),
        (900, 0, "entities with a score: expected 0.99 to 1, got 1.111"),
    ],
    ids=["entities without a score", "no answers", "scores without an entity"],
)
def test_the_reason_says_what_was_expected_and_what_came(entities: int, wrong: int, reason: str) -> None:
    assert judged(night(99), entities, wrong).reason == reason


def test_a_feature_that_is_one_number_a_night_is_not_held_against_other_nights() -> None:
    assert judged(night(99).assign(**{PLACE: 500.0})).is_publishable


@pytest.mark.parametrize("nights", [0, 4])
def test_with_too_few_nights_before_only_the_night_itself_is_judged(nights: int) -> None:
    verdict = judged(night(99).assign(score=0.3), nights=nights)
    assert verdict.is_publishable
    assert [each.status for each in verdict.checks].count(CheckStatus.INCONCLUSIVE) == 4


def test_a_handful_of_rows_has_no_distribution_to_compare() -> None:
    tiny = [profiled(night(seed, rows=30)) for seed in range(14)]
    rows = night(99, rows=30).assign(score=0.3)
    batch = ScoreBatch(entities=30, rows=30, invalid=0, profiles=profiled(rows))
    assert publication_gate.evaluate(batch, publication_gate.build_reference(tiny, BARS), BARS).is_publishable


@pytest.mark.parametrize("rows", [200, 100_000])
def test_the_same_shift_is_the_same_number_whatever_the_rows(rows: int) -> None:
    result: Floats = np.linspace(0, 1, rows)
    before = [{"score": column_profiles.from_column(pd.Series(np.linspace(0, 1, rows)))}] * 5
    batch = ScoreBatch(
        entities=rows, rows=rows, invalid=0, profiles={"score": column_profiles.from_column(pd.Series(result / 2))}
    )
    (moved,) = (
        each
        for each in publication_gate.evaluate(batch, publication_gate.build_reference(before, BARS), BARS).checks
        if each.name.startswith("share of scores")
    )
    assert moved.value == pytest.approx(0.5, abs=0.02)
