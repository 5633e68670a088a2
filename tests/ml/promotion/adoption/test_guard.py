import numpy as np
import pytest

from ml.promotion.adoption import guard
from ml.promotion.adoption.evidence import GainSeries
from ml.usecase import Adoption

DECLARED = Adoption()


def nightly(harm: float, seed: int, nights: int = 28) -> GainSeries:
    """Return the nightly gains of a predecessor over a model that is worse by `harm`, with the noise of flights."""
    rng = np.random.default_rng(seed)
    return GainSeries(loss=rng.normal(harm, 0.045, nights), centred_loss=rng.normal(0.4 * harm, 0.012, nights))


@pytest.mark.parametrize(("harm", "least"), [(0.04, 0.9), (0.08, 1.0), (0.16, 1.0)])
def test_a_model_that_is_worse_is_rolled_back_within_four_weeks(harm: float, least: float) -> None:
    result = [guard.rolled_back_after(nightly(harm, seed), DECLARED) is not None for seed in range(100)]
    assert np.mean(result) >= least


def test_a_model_that_is_as_good_stays_in_nineteen_of_twenty_cases() -> None:
    result = [guard.rolled_back_after(nightly(0.0, seed, nights=56), DECLARED) is not None for seed in range(200)]
    assert np.mean(result) <= 0.05


def test_the_harm_is_a_sum_over_nights_and_gains_count_against_it() -> None:
    gains = np.array([0.2, -0.3, 0.2, 0.2, 0.1])
    assert guard.harm(gains) == pytest.approx(0.4)
    assert guard.exhausted_after(gains, Adoption(harm_budget=0.25)) == 4
    assert guard.exhausted_after(gains, Adoption(harm_budget=0.45)) is None
    assert guard.exhausted_after(np.zeros(0), DECLARED) is None


def test_a_line_of_good_refreshes_does_not_use_up_the_budget() -> None:
    """Noise around a small gain: the sum of a year wanders, but seldom above the budget."""
    stopped = [
        guard.exhausted_after(np.random.default_rng(seed).normal(-0.01, 0.045, 330), DECLARED) is not None
        for seed in range(300)
    ]
    assert np.mean(stopped) <= 0.1
