"""Trees walked by NumPy give the bits that LightGBM gives, wherever a row lies."""

from typing import Any

import lightgbm
import numpy as np
import pytest

from ml.arrays import Floats
from ml.errors import PackageError
from ml.scoring import numpy_trees
from ml.scoring.numpy_trees import NEAR_ZERO

COUNT = 1500
NEAR = [0.0, 1e-40, NEAR_ZERO, -NEAR_ZERO, -1e-36, -2e-35, 0.5, 3.0]
COLUMNS = {"set of many levels": 0, "number with gaps": 1, "number near zero": 2, "set of few levels": 3}
KINDS = {
    "as candidates are grown": {},
    "random splits": {"extra_trees": True},
    "zero is missing": {"zero_as_missing": True},
    "nothing is missing": {"use_missing": False},
    "one leaf": {"min_data_in_leaf": COUNT},
}


def rows(count: int, seed: int = 0) -> Floats:
    chance = np.random.default_rng(seed)
    made = [
        chance.integers(0, 90, count),
        chance.normal(size=count),
        chance.choice(NEAR, count),
        chance.integers(0, 5, count),
    ]
    features = np.column_stack(made).astype(np.float64)
    features[::7, 1] = features[::11, 0] = np.nan
    return features


FEATURES = rows(COUNT)
LABELS = (FEATURES[:, 0] % 7 > 3) + (FEATURES[:, 2] > 0) + np.nan_to_num(FEATURES[:, 1]) > 1


def grown(label: Any = LABELS, **changes: object) -> lightgbm.Booster:
    reported = {
        "objective": "binary",
        "num_leaves": 31,
        "min_data_in_leaf": 5,
        "verbosity": -1,
        "num_threads": 1,
    } | changes
    data = lightgbm.Dataset(FEATURES, label, categorical_feature=[0, 3])
    return lightgbm.train(reported, data, num_boost_round=25)


def on_thresholds(result: numpy_trees.Forest) -> Floats:
    """Return rows whose numbers lie on and beside each threshold."""
    reported = [(each.feature, each.threshold) for each in result.splits if each.levels is None]
    places = [
        (column, value)
        for column, number in reported
        for value in (number, *(np.nextafter(number, way) for way in (-np.inf, np.inf)))
    ]
    made = rows(len(places), seed=1)
    for row, (column, value) in zip(made, places, strict=True):
        row[column] = value
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_numpy_gives_the_bits_that_lightgbm_gives(kind: str) -> None:
    booster = grown(**KINDS[kind])
    result = numpy_trees.parse(booster.model_to_string())
    odd = np.array([[np.nan] * 4, [500, 0, 0, -1], [-3, np.inf, -np.inf, 4.9]])
    asked = np.vstack([FEATURES, on_thresholds(result).reshape(-1, 4), odd])
    np.testing.assert_array_equal(result.raw(asked), booster.predict(asked, raw_score=True, num_threads=1))


def test_the_kinds_differ_in_what_they_are_told_to_differ_in() -> None:
    """So that the bits above are not those of one kind five times."""
    plain, zero, one_leaf = (
        numpy_trees.parse(grown(**KINDS[kind]).model_to_string())
        for kind in ("as candidates are grown", "zero is missing", "one leaf")
    )
    assert any(each.levels for each in plain.splits)
    assert {each.missing_left for each in plain.splits if each.feature == COLUMNS["number with gaps"]} == {True, False}
    assert any(each.zero_is_missing for each in zero.splits)
    assert (one_leaf.splits, one_leaf.roots) == ((), (-1,))


def test_a_number_next_to_zero_is_zero_on_either_side() -> None:
    result = numpy_trees.parse(grown().model_to_string())
    assert {NEAR_ZERO, -NEAR_ZERO} & {abs(each.threshold) for each in result.splits}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_gets_the_bits_that_it_gets_among_many(kind: str) -> None:
    result = numpy_trees.parse(grown(**KINDS[kind]).model_to_string())
    alone = np.concatenate([result.raw(row[None]) for row in FEATURES[:50]])
    np.testing.assert_array_equal(result.raw(FEATURES)[:50], alone)


@pytest.mark.parametrize("asked", [FEATURES[:0], FEATURES], ids=["no rows", "rows"])
def test_a_forest_without_a_tree_answers_zero(asked: Floats) -> None:
    empty = numpy_trees.Forest(roots=(), splits=(), leaves=())
    np.testing.assert_array_equal(empty.raw(asked), np.zeros(len(asked)))


@pytest.mark.parametrize(
    ("booster", "reported"),
    [
        pytest.param(lambda: grown(LABELS.astype(int), objective="multiclass", num_class=2), "trees of several classes", id="several classes"),
        pytest.param(lambda: grown(boosting="rf", bagging_freq=1, bagging_fraction=0.5), "or an average", id="an average"),
        pytest.param(lambda: grown(linear_tree=True, objective="regression"), "got linear ones", id="linear leaves"),
    ],
)  # fmt: skip
def test_trees_that_are_never_grown_here_are_refused(booster: Any, reported: str) -> None:
    with pytest.raises(PackageError, match=reported):
        numpy_trees.parse(booster().model_to_string())
