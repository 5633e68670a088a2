import numpy as np

from ml.arrays import Floats
from ml.scoring.design import Design
from tests.ml.training.learners.test_learners import ENCODER, FEATURES

DESIGN = Design.from_features(ENCODER, FEATURES)


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


def test_a_number_far_off_stays_one_and_ordinary_ones_are_what_they_were() -> None:
    design = Design(sizes=(0,), means=np.array([10.0]), scales=np.array([0.5]), flagged=np.array([False]))
    matrix = design.matrix(np.array([[10.5], [1e308], [-np.inf]]))
    assert matrix[:, 0].tolist() == [1.0, 1e6, -1e6]


def test_every_column_knows_the_feature_that_it_is_made_of() -> None:
    design = Design(sizes=(2, 0, 0, 3), means=np.zeros(2), scales=np.ones(2), flagged=np.array([False, True]))
    assert design.origins.tolist() == [1, 2, 2, 0, 0, 3, 3, 3]
    assert design.matrix(np.zeros((1, 4))).shape[1] == len(design.origins)
