"""Answered rows of many nights, scored as the truth is, for the tests of what is found on them; what is asked of them."""

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.statistics.intervals import ScoredRows
from ml.targets import binary, regression
from ml.usecase import Cost, GradientBoosting, LinearQuantile, PinballCost, Prior, Regression, UseCase
from tests.ml.usecase.test_use_case import use_case

YES_OR_NO = binary.Target(cost=Cost(act=10, miss=50, averted=0.5), prior=0.5)


def answered(nights: int = 7, a_night: int = 300, seed: int = 7, scores: Floats | None = None) -> ScoredRows:
    """Return rows of three zones whose labels come as often as a score says; `scores` may say otherwise."""
    chance = np.random.default_rng(seed)
    count = nights * a_night
    truth = chance.uniform(0.05, 0.95, count)
    return ScoredRows(
        frame=pd.DataFrame({"zone": pd.Categorical(np.resize(["east", "north", "south"], count))}),
        labels=(chance.random(count) < truth).astype(np.float64),
        scores=truth if scores is None else scores,
        nights=np.repeat([f"2013-02-{day:02d}" for day in range(1, nights + 1)], a_night).astype(object),
    )


def zones(rows: ScoredRows) -> dict[str, np.ndarray]:
    """Return the text of each row's zone."""
    return {"zone": rows.frame["zone"].astype(object).to_numpy()}


def waiting(**changes: object) -> UseCase:
    """Return a small coherent use case that asks for minutes, with some fields changed."""
    asked: dict[str, object] = {
        "task": Regression(label="waited", table="visits", unit="minutes"),
        "cost": PinballCost(under=3, over=1),
        "candidates": (LinearQuantile(), GradientBoosting()),
        "baselines": (Prior(),),
    }
    return use_case(**(asked | changes))


def waited(nights: int = 7, a_night: int = 300, seed: int = 7, off: Floats | float = 0.0) -> ScoredRows:
    """Return rows of three zones, answered by the 75 % quantile of what comes, or `off` by so much."""
    chance = np.random.default_rng(seed)
    count = nights * a_night
    expected = chance.uniform(5, 40, count)
    return ScoredRows(
        frame=pd.DataFrame(
            {"zone": pd.Categorical(np.resize(["east", "north", "south"], count)), "expected": expected}
        ),
        labels=expected + chance.normal(0, 4, count),
        scores=expected + 4 * _UPPER_QUARTILE + off,
        nights=np.repeat([f"2013-02-{day:02d}" for day in range(1, nights + 1)], a_night).astype(object),
    )


_UPPER_QUARTILE = 0.6744897501960817  # of the standard normal distribution
MINUTES = regression.Target.from_labels(waiting(), waited().labels)
