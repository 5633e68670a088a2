"""Evidence over time: valid under no gain however often it is read, and quick under the gains of real refreshes."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries
from ml.usecase import Adoption, Night

DECLARED, NIGHTLY = Adoption(), Night(hour=2, timezone="UTC")
NIGHT_SD, CENTRED_SD = 0.037, 0.012  # of the nightly differences of a year of flights


def blocks_of(gain: float, centred: float, count: int, rng: np.random.Generator) -> GainSeries:
    """Return weekly means with the noise of flights around the given mean gains."""
    return GainSeries(
        loss=rng.normal(gain, NIGHT_SD / np.sqrt(7), count),
        centred_loss=rng.normal(centred, CENTRED_SD / np.sqrt(7), count),
        nights_per_value=7,
    )


def test_a_recipe_without_gain_rarely_earns_a_licence_in_a_year() -> None:
    rng = np.random.default_rng(1)
    licensed = [
        evidence.reached(blocks_of(0.0, 0.0, 52, rng), DECLARED, DECLARED.licence) is not None for _ in range(400)
    ]
    assert np.mean(licensed) <= 0.05


def test_a_recipe_that_is_worse_in_both_losses_does_not_earn_a_licence() -> None:
    rng = np.random.default_rng(2)
    licensed = [evidence.reached(blocks_of(-0.01, -0.004, 52, rng), DECLARED, 10) is not None for _ in range(200)]
    assert not any(licensed)


def test_the_gains_of_real_refreshes_earn_a_licence_within_half_a_year() -> None:
    rng = np.random.default_rng(3)
    licensed = [evidence.reached(blocks_of(0.015, 0.006, 26, rng), DECLARED, 10) is not None for _ in range(200)]
    assert np.mean(licensed) >= 0.9


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.integers(1, 29))
def test_evidence_so_far_does_not_depend_on_what_comes_later(gains: list[float], cut: int) -> None:
    whole, part = (
        evidence.e_values(GainSeries(loss=np.array(values), centred_loss=None), DECLARED)
        for values in (gains, gains[:cut])
    )
    np.testing.assert_allclose(whole[: len(part)], part)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_evidence_for_and_against_never_both_grow(gains: list[float]) -> None:
    """Each gambler's two capitals multiply to at most 1, so that both cannot be large."""
    ours, theirs = (
        evidence.e_values(GainSeries(loss=sign * np.array(gains), centred_loss=None), DECLARED)[-1] for sign in (1, -1)
    )
    assert min(ours, theirs) <= 1 + 1e-9


def test_a_larger_gain_is_more_evidence_and_beyond_the_range_none() -> None:
    last = [
        evidence.e_values(GainSeries(loss=np.full(10, gain), centred_loss=None), DECLARED)[-1]
        for gain in (0.02, 0.05, DECLARED.loss_range, 10 * DECLARED.loss_range)
    ]
    assert last[0] < last[1] < last[2] == last[3]


def test_both_losses_are_averaged() -> None:
    loss, centred = np.full(5, 0.05), np.full(5, -0.01)
    both = evidence.e_values(GainSeries(loss=loss, centred_loss=centred), DECLARED)
    alone = evidence.e_values(GainSeries(loss=loss, centred_loss=None), DECLARED)
    scaled = centred / DECLARED.centred_range * DECLARED.loss_range
    other = evidence.e_values(GainSeries(loss=scaled, centred_loss=None), DECLARED)
    np.testing.assert_allclose(both, (alone + other) / 2)


def test_blocks_without_centred_losses_leave_them_out() -> None:
    with_both = GainSeries(loss=np.array([0.1]), centred_loss=np.array([0.2]))
    joined = evidence.join([with_both, GainSeries(loss=np.array([0.3]), centred_loss=None)], 7)
    assert joined.loss.tolist() == [0.1, 0.3]
    assert joined.centred_loss is None
    assert evidence.join([with_both], 7).centred_loss is not None


@pytest.mark.parametrize("nights", range(0, 40, 3))
def test_a_block_counts_when_the_next_one_has_ended(nights: int) -> None:
    first = date(2024, 3, 1)
    result = evidence.blocks(first, first + timedelta(days=nights), NIGHTLY)
    assert len(result) == max(nights // 7 - 1, 0)
    for number, (begins, ends) in enumerate(result):
        assert begins == first + timedelta(days=1 + 7 * number)
        assert ends == begins + timedelta(days=6)
        assert ends + timedelta(days=7) <= first + timedelta(days=nights)


def test_a_block_of_monthly_nights_is_one_month() -> None:
    monthly = Night(hour=2, timezone="UTC", every="month")
    assert evidence.blocks(date(2024, 1, 1), date(2024, 4, 1), monthly) == (
        (date(2024, 2, 1), date(2024, 2, 1)),
        (date(2024, 3, 1), date(2024, 3, 1)),
    )
