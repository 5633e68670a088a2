import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.promotion import paired_gains
from ml.promotion.paired_gains import MIN_ROWS_PER_NIGHT
from ml.targets import Target
from tests.ml.answers import MINUTES, YES_OR_NO

ROWS, NIGHTS = 400, 4
DRAWN = np.random.default_rng(5)
NIGHT_INDEX = np.repeat(np.arange(NIGHTS), ROWS)
DATES = np.array([f"2024-01-{night + 1:02d}" for night in NIGHT_INDEX], object)
RAW = DRAWN.normal(-1, 1, NIGHTS * ROWS)
LABELS = (DRAWN.random(len(RAW)) < 1 / (1 + np.exp(-RAW))).astype(np.float64)
MINUTES_LATE = 20 + 10 * RAW + DRAWN.exponential(10, len(RAW))


def data(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and raw predictions that suit the target."""
    return (LABELS, RAW) if target is YES_OR_NO else (MINUTES_LATE, 20 + 10 * RAW)


@settings(max_examples=15, deadline=None)
@given(
    target=st.sampled_from([YES_OR_NO, MINUTES]),
    shifts=st.lists(st.floats(-1.5, 1.5), min_size=NIGHTS, max_size=NIGHTS),
)
def test_the_centred_loss_does_not_depend_on_the_level_of_any_night(target: Target, shifts: list[float]) -> None:
    labels, raw = data(target)
    shifted = raw + np.array(shifts)[NIGHT_INDEX] * (1 if target is YES_OR_NO else 10)
    one, other = (
        paired_gains.centred_loss(labels, target.offsets.to_scores(each), NIGHT_INDEX, target)
        for each in (raw, shifted)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("target", [YES_OR_NO, MINUTES], ids=["binary", "regression"])
def test_the_centred_loss_is_the_least_over_all_levels(target: Target) -> None:
    labels, raw = data(target)
    centred = paired_gains.centred_loss(labels, target.offsets.to_scores(raw), NIGHT_INDEX, target)
    for shift in np.linspace(-2, 2, 9) * (1 if target is YES_OR_NO else 10):
        moved = target.row_loss(labels, target.offsets.to_scores(raw + shift))
        for night in range(NIGHTS):
            rows = night == NIGHT_INDEX
            assert centred[rows].mean() <= moved[rows].mean() + 1e-6


def test_the_centred_loss_is_left_out_with_few_rows_in_the_median_night() -> None:
    few = np.concatenate([np.flatnonzero(night == NIGHT_INDEX)[: MIN_ROWS_PER_NIGHT - 1] for night in range(NIGHTS)])
    scores = YES_OR_NO.offsets.to_scores(RAW)
    assert paired_gains.measure(LABELS, scores, scores, DATES, YES_OR_NO).centred_loss is not None
    assert paired_gains.measure(LABELS[few], scores[few], scores[few], DATES[few], YES_OR_NO).centred_loss is None


def test_swapped_models_have_the_opposite_gains() -> None:
    one, other = YES_OR_NO.offsets.to_scores(RAW), YES_OR_NO.offsets.to_scores(0.5 * RAW)
    there = paired_gains.measure(LABELS, one, other, DATES, YES_OR_NO)
    back = paired_gains.measure(LABELS, other, one, DATES, YES_OR_NO)
    np.testing.assert_allclose(there.loss, -back.loss)
    assert there.centred_loss is not None
    assert back.centred_loss is not None
    np.testing.assert_allclose(there.centred_loss, -back.centred_loss)


def test_a_mean_that_is_not_a_number_is_not_compatible_with_no_loss() -> None:
    result = paired_gains.bounds(np.full(4, np.nan), np.array(["1", "1", "2", "2"], object), 0.95, seed=1)
    assert not result.is_compatible_with_no_loss
    assert not result.is_shown_better
