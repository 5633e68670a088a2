"""What a feature tells alone: learned on every other night, so that a level met once tells nothing of itself."""

import numpy as np
import pandas as pd
import pytest

from ml.metrics import univariate

CHANCE = np.random.default_rng(1)
COUNT = 2000
NIGHT = np.repeat(np.arange(20), COUNT // 20)
LABELS = CHANCE.gamma(2, 10, COUNT)


@pytest.mark.parametrize(
    ("column", "low", "high"),
    [
        pytest.param(pd.Series(LABELS), 0.9, 1.0, id="the label"),
        pytest.param(pd.Series(-(LABELS**2)), 0.9, 1.0, id="the label, squared and upside down"),
        pytest.param(pd.Series((LABELS // 5).astype(int).astype(str)), 0.8, 1.0, id="the label in words"),
        pytest.param(pd.Series(LABELS + CHANCE.normal(0, 14, COUNT)), 0.1, 0.5, id="half noise"),
        pytest.param(pd.Series(CHANCE.normal(size=COUNT)), -0.1, 0.05, id="noise"),
        pytest.param(pd.Series(np.arange(COUNT).astype(str)), -0.1, 0.05, id="a name for each row"),
        pytest.param(pd.Series(np.ones(COUNT)), -0.1, 0.05, id="a constant"),
    ],
)
@pytest.mark.parametrize("quantile", [0.5, 0.8])
def test_a_feature_has_the_skill_of_what_it_tells(column: pd.Series, low: float, high: float, quantile: float) -> None:
    result = univariate.univariate_skill(column, LABELS, NIGHT, quantile)
    assert result is not None
    assert low < result < high


def test_a_feature_that_is_hardly_known_has_no_skill_that_could_be_told() -> None:
    column = pd.Series(LABELS).where(np.arange(COUNT) < 20)
    assert univariate.univariate_skill(column, LABELS, NIGHT, 0.5) is None


def test_where_the_constant_loses_nothing_there_is_nothing_to_spare() -> None:
    assert univariate.relative_skill(np.ones(3), np.ones(3), 1.0, 0.5) is None
    assert univariate.relative_skill(np.array([0.0, 2.0]), np.array([0.0, 2.0]), 1.0, 0.5) == 1.0


def test_a_feature_ranks_as_well_upside_down() -> None:
    labels = (LABELS > 20).astype(np.float64)
    up, down = (univariate.univariate_auc(pd.Series(sign * LABELS), labels, NIGHT) for sign in (1, -1))
    assert up == down == 1.0
