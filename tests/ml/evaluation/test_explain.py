"""The parts of an answer sum to its log-odds, and what has no parts says why."""

import functools
import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.errors import RefusalError
from ml.evaluation import explain
from ml.scoring import numpy_trees
from ml.scoring.calibration import Calibration, Correction, Scaling
from ml.scoring.design import Design
from ml.scoring.encoder import Encoder
from ml.scoring.linear import Linear
from ml.scoring.numpy_trees import Forest
from ml.training import fitting
from ml.training.fitting import Model
from ml.training.learners import Learner, Trees
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


ENCODER = Encoder(levels={"zone": tuple(f"z{level:02d}" for level in range(40)), "miles": None, "stops": None})
CORRECTIONS: tuple[Correction, ...] = (
    Calibration(),
    Calibration(slope=0.7, offset=-0.3),
    Scaling(slope=1.2, offset=3.0, low=-2.0, high=2.0),
)


def encoded_rows(seed: int, count: int = 300) -> Floats:
    """Return rows of one category of many levels and two numbers, some missing, some large."""
    chance = np.random.default_rng(seed)
    scale = 10.0 ** chance.integers(-3, 9)
    rows = np.column_stack(
        [chance.integers(0, 40, count), chance.normal(size=count) * scale, chance.integers(0, 5, count)]
    ).astype(np.float64)
    rows[chance.random(rows.shape) < 0.15] = np.nan
    return rows


def random_model(seed: int, kind: str) -> Model:
    """Return trees of a binary label or of a number, or a linear model, with one of the calibrations."""
    chance, rows = np.random.default_rng(seed), encoded_rows(seed)
    labels = (np.nan_to_num(rows[:, 0]) % 3 > 1) + chance.normal(size=len(rows))
    learner: Learner
    if kind == "linear":
        design = Design.from_features(ENCODER, rows)
        weights = chance.normal(size=design.matrix(rows).shape[1]) * 10.0 ** chance.integers(-3, 4)
        learner = Linear(design=design, weights=weights, intercept=float(chance.normal()))
    else:
        objective = {"objective": "binary"} if kind == "trees" else {"objective": "quantile", "alpha": 0.75}
        parameters = objective | {
            "num_leaves": int(chance.integers(2, 40)),
            "min_data_in_leaf": int(chance.integers(1, 30)),
            "extra_trees": bool(chance.integers(2)),
            "min_data_per_group": 1,
            "cat_smooth": 1,
            "verbosity": -1,
            "num_threads": 1,
            "seed": seed,
        }
        data = lightgbm.Dataset(
            rows, labels > 0 if kind == "trees" else labels * 100, categorical_feature=list(ENCODER.categories)
        )
        booster = lightgbm.train(parameters, data, num_boost_round=int(chance.integers(1, 30)))
        learner = Trees(text=booster.model_to_string())
    return Model(encoder=ENCODER, learner=learner, calibration=CORRECTIONS[seed % 3])


@pytest.mark.parametrize("kind", ["trees", "trees of a number", "linear"])
@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 4))
def test_whatever_the_model_and_the_row_the_parts_sum_to_the_raw_score(kind: str, seed: int, size: int) -> None:
    model, rows = random_model(seed, kind), encoded_rows(seed + 1)
    explained = explain.contribute(model, rows)
    chosen = explained.largest(size)
    largest = np.take_along_axis(explained.by_feature, chosen, axis=1)
    sums = explained.base_values + largest.sum(axis=1) + explained.rest(chosen)
    scale = np.abs(explained.base_values) + np.abs(explained.by_feature).sum(axis=1) + 1
    assert (np.abs(sums - model.learner.raw(rows)) <= 1e-12 * scale).all()
    np.testing.assert_array_equal(explained.raw, model.learner.raw(rows))
    others = np.abs(explained.by_feature).sum(axis=1) - np.abs(largest).sum(axis=1)
    assert (np.abs(explained.rest(chosen)) <= others + 1e-12 * scale).all()
    assert (np.diff(np.abs(largest), axis=1) <= 0).all()


def test_a_random_model_has_the_splits_that_are_hard_to_explain() -> None:
    """So that the law above is not one of a stump."""
    texts = [random_model(seed, "trees").learner.dump() for seed in range(3)]
    assert any("num_cat=0" not in text.partition("Tree=0")[2].partition("Tree=1")[0] for text in texts)
    assert np.isnan(encoded_rows(1)).any(axis=0).all()


def expected_score(forest: Forest, counts: dict[int, int], node: int, row: Floats, known: frozenset[int]) -> float:
    """Return the mean leaf below `node`, by training rows, where splits on the `known` features are followed."""
    if node < 0:
        return forest.leaves[~node]
    split = forest.splits[node]
    if split.feature in known:
        goes_left = forest._arrays.go_left(row[[split.feature]], np.array([node]))[0]
        return expected_score(forest, counts, split.left if goes_left else split.right, row, known)
    children = (split.left, split.right)
    weighted = (counts[each] * expected_score(forest, counts, each, row, known) for each in children)
    return sum(weighted) / sum(counts[each] for each in children)


def shapley_values(text: str, row: Floats) -> list[float]:
    """Return the Shapley values of a row by their definition: weighted means over all sets of the other features."""
    forest = numpy_trees.parse(text)
    numbers = {
        name: [
            int(each)
            for line in text.splitlines()
            if line.startswith(f"{name}=")
            for each in line[len(name) + 1 :].split()
        ]
        for name in ("internal_count", "leaf_count")
    }
    counts = dict(enumerate(numbers["internal_count"])) | {~leaf: n for leaf, n in enumerate(numbers["leaf_count"])}
    features = range(len(row))

    @functools.cache
    def value(known: frozenset[int]) -> float:
        return sum(expected_score(forest, counts, root, row, known) for root in forest.roots)

    def weight(size: int) -> float:
        return math.factorial(size) * math.factorial(len(row) - size - 1) / math.factorial(len(row))

    return [
        sum(
            weight(size) * (value(frozenset({*others, feature})) - value(frozenset(others)))
            for size in range(len(row))
            for others in itertools.combinations([each for each in features if each != feature], size)
        )
        for feature in features
    ]


@pytest.mark.parametrize("kind", ["trees", "trees of a number"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_parts_of_trees_are_shapley_values_by_their_definition(kind: str, seed: int) -> None:
    model, rows = random_model(seed, kind), encoded_rows(seed + 1, 6)
    explained = explain.contribute(model, rows)
    assert np.abs(explained.by_feature).max() > 0.01
    for row, parts in zip(rows, explained.by_feature, strict=True):
        np.testing.assert_allclose(parts, shapley_values(model.learner.dump(), row), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_a_row_alone_has_the_parts_that_it_has_among_many_by_any_number_of_threads(kind: str) -> None:
    model, rows = random_model(5, kind), encoded_rows(6)
    many = explain.contribute(model, rows, threads=2)
    alone = [explain.contribute(model, row[None]) for row in rows]
    np.testing.assert_array_equal(many.by_feature, np.concatenate([each.by_feature for each in alone]))
    np.testing.assert_array_equal(many.base_values, np.concatenate([each.base_values for each in alone]))


def test_parts_asked_for_by_several_threads_at_once_are_the_same() -> None:
    model, rows = random_model(8, "trees"), encoded_rows(9, 40)
    fresh = Model(encoder=ENCODER, learner=Trees(text=model.learner.dump()), calibration=model.calibration)
    expected = explain.contribute(model, rows).by_feature
    with ThreadPoolExecutor(8) as threads:
        for each in threads.map(lambda _: explain.contribute(fresh, rows), range(40)):
            np.testing.assert_array_equal(each.by_feature, expected)


@pytest.mark.parametrize("name", ["logistic", "gradient_boosting"])
def test_a_text_has_the_sum_of_its_columns(name: str) -> None:
    model = fitted(name)
    encoded = np.concatenate([model.encoder.encode_row(row) for row in ROWS])
    explained = explain.contribute(model, encoded)
    assert explained.names == tuple(FRAME)
    assert encoded.shape[1] > len(FRAME.columns)
    for index, row in enumerate(ROWS):
        np.testing.assert_allclose(
            explained.by_feature[index], list(explain.explain(model, row).contributions.values()), atol=1e-12
        )


def test_more_features_than_there_are_is_all_and_equal_parts_keep_their_order() -> None:
    rows = explain.Contributions(
        names=("a", "b", "c"), by_feature=np.array([[1.0, -1.0, 1.0]]), base_values=np.zeros(1), raw=np.ones(1)
    )
    assert rows.largest(7).tolist() == [[0, 1, 2]]
    assert rows.rest(rows.largest(7)).tolist() == [0.0]
    assert rows.rest(rows.largest(1)).tolist() == [0.0]
    assert rows.by_feature.tolist() == [[1.0, -1.0, 1.0]]


def test_the_rows_of_a_network_are_refused() -> None:
    model = fitted("neural_net")
    with pytest.raises(RefusalError, match="a network has no contributions that sum to its score"):
        explain.contribute(model, model.encoder.encode_row(ROWS[0]))
