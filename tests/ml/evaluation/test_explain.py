"""The parts of an answer sum to its log-odds, and what has no parts says why."""

import functools
import math

import numpy as np
import pytest

from ml.evaluation import explain
from ml.training import fitting
from ml.training.fitting import Model
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet
from tests.ml.answers import YES_OR_NO
from tests.ml.packaging.test_package_files import FRAME, LABELS, NIGHTS, TEXTS

CANDIDATES: tuple[Candidate, ...] = (
    Logistic(strength=1.0),
    GradientBoosting(trees=20, leaves=8, rows_per_leaf=5),
    NeuralNet(epochs=2),
)
PREPARED = {"target": YES_OR_NO, "seed": 1, "threads": 1, "texts": TEXTS}


@functools.cache
def fitted(name: str) -> Model:
    """Return the candidate of that name, fitted once, and only where a test asks for it."""
    candidate = next(each for each in CANDIDATES if each.name == name)
    return fitting.fit(candidate, fitting.prepare(FRAME, LABELS, NIGHTS, tuple(FRAME), **PREPARED)).model


ROWS = [
    {"zone": "east", "miles": 1.5, "stops": 2, "note": "fog at the gate"},
    {"zone": None, "miles": None, "stops": None, "note": None},
    {"zone": "mars", "miles": -9.0, "stops": 1, "note": "a word that nobody wrote"},
]


@pytest.mark.parametrize("row", ROWS, ids=["ordinary", "all missing", "unseen"])
@pytest.mark.parametrize("name", ["logistic", "gradient_boosting"])
def test_the_parts_sum_to_the_log_odds_and_these_make_the_score(name: str, row: dict[str, object]) -> None:
    model: Model = fitted(name)
    reported = explain.explain(model, row)
    assert list(reported.contributions) == list(FRAME)
    assert reported.base_value + sum(reported.contributions.values()) == pytest.approx(reported.raw, abs=1e-9)
    assert reported.score == pytest.approx(
        1 / (1 + math.exp(-(reported.slope * reported.raw + reported.offset))), abs=1e-12
    )
    assert reported.score == model.predict_row(row)


def test_a_linear_part_is_what_its_own_columns_add() -> None:
    model, row = fitted("logistic"), ROWS[0]
    here, there = (explain.explain(model, row | {"zone": zone}) for zone in ("east", "wést"))
    moved = there.raw - here.raw
    assert there.contributions["zone"] - here.contributions["zone"] == pytest.approx(moved)
    assert moved != 0
    others = [name for name in FRAME if name != "zone"]
    np.testing.assert_allclose(
        [there.contributions[each] for each in others], [here.contributions[each] for each in others]
    )


def test_a_network_has_no_parts_and_says_why() -> None:
    reported = explain.explain(fitted("neural_net"), ROWS[0])
    assert reported.contributions == {}
    assert "its hidden layers mix all features" in reported.unavailable_reason
