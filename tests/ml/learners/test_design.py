import numpy as np

from ml.arrays import Floats
from ml.learners.design import Design
from tests.ml.learners.test_learners import ENCODER, FEATURES

DESIGN = Design.of(ENCODER, FEATURES)


def row(**changes: float) -> Floats:
    return np.array([[{"zone": 0.0, "miles": 5.0, "gap": 0.0, "same": 1.0, **changes}[name] for name in ENCODER.names]])


def test_a_missing_number_is_its_mean_and_flagged_where_training_had_gaps() -> None:
    assert DESIGN.flagged.tolist() == [False, True, False]
    np.testing.assert_array_equal(DESIGN.matrix(row(gap=np.nan))[0, 1:4], [0, 0, 1])


def test_an_unseen_level_is_none_of_the_levels() -> None:
    np.testing.assert_array_equal(DESIGN.matrix(row(zone=1))[0, -3:], [0, 1, 0])
    np.testing.assert_array_equal(DESIGN.matrix(row(zone=np.nan))[0, -3:], [0, 0, 0])


def test_a_number_that_never_varies_is_not_divided_by_nothing() -> None:
    assert DESIGN.scales[2] == 1
    assert np.isfinite(DESIGN.matrix(row(same=7))).all()
