"""An expectation that could never fail, or never be asked, is refused when it is declared."""

from collections.abc import Callable

import pytest

from ml.errors import DeclarationError
from ml.usecase import Column, Directional, Invariant, Megabytes
from tests.ml.usecase.test_use_case import use_case

WINDY = Directional(name="wind", low=(("zone", "a"),), high=(("zone", "b"),), why="a test")


@pytest.mark.parametrize(
    ("declare", "reported"),
    [
        pytest.param(lambda: Invariant(name="i", feature="zone", values=("a",), tolerance=0.1, why="w"), "compares 2 values or more", id="one value"),
        pytest.param(lambda: Invariant(name="i", feature="zone", values=("a", "b"), tolerance=0.0, why="w"), "has a positive tolerance, got 0", id="no room"),
        pytest.param(lambda: use_case(expectations=(Invariant(name="i", feature="zone", values=("a", "b"), tolerance=1.0, why="w"),)), "'i' lets scores move by 1, but scores of a Binary task are probabilities", id="all room"),
        pytest.param(lambda: Invariant(name="i", feature="zone", values=("a", "b"), tolerance=0.1, allowed_share=1.0, why="w"), "'i' allows a share of rows below 1", id="every row"),
        pytest.param(lambda: Directional(name="d", low=(), high=(), why="w"), "sets the same features at low and at high", id="nothing put"),
        pytest.param(lambda: Directional(name="d", low=(("zone", "a"),), high=(("rain", 1.0),), why="w"), "sets the same features", id="other features"),
        pytest.param(lambda: use_case(expectations=(Directional(name="d", low=(("zone", "a"),), high=(("zone", "b"),), tolerance=1.0, why="w"),)), "'d' lets scores move by 1, but scores of a Binary", id="all slack"),
        pytest.param(lambda: Directional(name="d", low=(("zone", "a"),), high=(("zone", "b"),), tolerance=-1.0, why="w"), "has a tolerance of 0 or more, got -1", id="less than no slack"),
        pytest.param(lambda: Megabytes(memory=0), "budgets are positive, got 50 and 0 MB", id="no memory"),
        pytest.param(lambda: use_case(features=(Column("odd"),), expectations=(WINDY,)), "the expectation 'wind' of.*'zone'.* must name one of the features", id="an unknown feature"),
        pytest.param(lambda: use_case(features=(Column("zone"),), expectations=(WINDY, WINDY)), "expectations are named once each", id="twice"),
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused(declare: Callable[[], object], reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        declare()


def test_what_names_features_and_leaves_room_to_fail_is_taken() -> None:
    assert use_case(features=(Column("zone"),), expectations=(WINDY,)).expectations[0].variants == (
        WINDY.low,
        WINDY.high,
    )
