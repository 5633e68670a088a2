"""From rows to a package where a number is asked for: walked ahead, calibrated, packed and read back."""

import json

import numpy as np
import pandas as pd
import pytest

from ml import targets
from ml.arrays import Floats
from ml.errors import LeakError, RefusalError
from ml.evaluation import explain, permutation_importance
from ml.packaging import package_files
from ml.promotion import acceptance_tests
from ml.scoring.calibration import Scaling
from ml.training import fitting, leakage, tuning
from ml.training.fitting import FittedCandidate
from ml.usecase import (
    Candidate,
    Column,
    DeterministicLevels,
    Gates,
    GradientBoosting,
    LinearQuantile,
    NeuralNet,
    Recency,
)
from tests.ml.answers import waiting

CHANCE = np.random.default_rng(12)
COUNT = 720
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 13)], COUNT // 12).astype(object)
FRAME = pd.DataFrame({"zone": CHANCE.choice(["east", "west"], COUNT), "miles": CHANCE.normal(5, 2, COUNT)})
LABELS = 4 * FRAME["miles"].to_numpy() + 10 * (FRAME["zone"] == "west").to_numpy() + CHANCE.gamma(2, 2, COUNT)
FRAME.loc[::9, "miles"] = np.nan
TARGET = targets.from_labels(waiting(), LABELS)
CANDIDATES: list[Candidate] = [
    LinearQuantile(),
    GradientBoosting(trees=40, leaves=4, rows_per_leaf=10, learning_rate=0.2),
    NeuralNet(layers=(8,), epochs=40, batch=32, learning_rate=0.01),
]
EACH = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)


def fit(candidate: Candidate, labels: Floats = LABELS, recency: Recency | None = None) -> FittedCandidate:
    material = fitting.prepare(FRAME, labels, NIGHTS, tuple(FRAME), target=TARGET, seed=1, threads=1, recency=recency)
    return fitting.fit(candidate, material)


@EACH
def test_a_row_is_answered_the_same_in_a_frame_and_alone(candidate: Candidate) -> None:
    model = fit(candidate).model
    alone = [model.predict_row(row) for row in FRAME.to_dict("records")]
    np.testing.assert_allclose(model.predict(FRAME), alone, rtol=0, atol=1e-12)


@EACH
def test_a_model_that_learned_has_skill_on_nights_ahead(candidate: Candidate) -> None:
    fitted = fit(candidate)
    quality = TARGET.measure(LABELS[fitted.out_of_fold], fitted.scores, NIGHTS[fitted.out_of_fold])
    assert quality.skill is not None
    assert quality.skill > 0.3
    assert abs(quality.calibration_gap) < 0.12


@EACH
def test_answers_that_walk_ahead_know_nothing_of_their_own_nights_and_later_ones(candidate: Candidate) -> None:
    later = NIGHTS >= "2013-01-10"
    first = [
        fitting.walk_forward(
            candidate, fitting.prepare(FRAME, labels, NIGHTS, tuple(FRAME), target=TARGET, seed=1, threads=1)
        )
        for labels in (LABELS, np.where(later, -LABELS, LABELS))
    ]
    np.testing.assert_allclose(first[0][1], first[1][1], rtol=0, atol=1e-9)


@EACH
def test_a_model_unpacked_answers_as_it_did_and_packs_to_the_same_bytes(candidate: Candidate) -> None:
    model = fit(candidate).model
    package = package_files.pack(model, FRAME, {"task": TARGET.facts})
    loaded = package_files.load(package.files)
    np.testing.assert_array_equal(loaded.predict(FRAME), model.predict(FRAME))
    package_files.check_golden(loaded, package.files)
    assert package_files.pack(loaded, FRAME, {"task": TARGET.facts}) == package
    assert targets.from_facts(waiting(), package_files.facts(package.files)) == TARGET


@EACH
def test_every_odd_row_is_answered_within_the_labels_learned_from(candidate: Candidate) -> None:
    model = fit(candidate).model
    odd = acceptance_tests.predict_rows(
        model, acceptance_tests.adversarial_rows(model.encoder, {"zone": "east", "miles": 5.0})
    )
    assert acceptance_tests.stability_check(odd, TARGET).status == "pass"
    assert all(TARGET.low <= each <= TARGET.high for each in odd.values())
    assert (
        acceptance_tests.stability_check({"odd": np.nan}, TARGET).bar == "0 of 1 without a number, alone and in a frame"
    )


def test_a_package_keeps_the_range_that_answers_are_kept_within() -> None:
    model = fit(CANDIDATES[0]).model
    kept = json.loads(package_files.pack(model, FRAME, {}).files["calibration.json"])
    assert isinstance(model.calibration, Scaling)
    assert (kept["low"], kept["high"]) == (LABELS.min(), LABELS.max())


@pytest.mark.parametrize("candidate", CANDIDATES[:2], ids=lambda each: each.name)
def test_the_parts_of_an_answer_sum_to_it(candidate: Candidate) -> None:
    model = fit(candidate).model
    reported = explain.explain(model, {"zone": "west", "miles": 6.0})
    assert reported.base_value + sum(reported.contributions.values()) == pytest.approx(reported.raw, abs=1e-6)
    assert reported.score == pytest.approx(reported.slope * reported.raw + reported.offset, abs=1e-9)


@EACH
def test_settings_are_worth_the_loss_of_the_nights_ahead_before_calibration(candidate: Candidate) -> None:
    material = fitting.prepare(FRAME, LABELS, NIGHTS, tuple(FRAME), target=TARGET, seed=1, threads=1)
    _, raw = fitting.walk_forward(candidate, material)
    ahead = ~np.isnan(raw)
    expected = TARGET.row_loss(LABELS[ahead], np.clip(raw[ahead], TARGET.low, TARGET.high)).mean()
    assert tuning.validation_loss(candidate, material) == pytest.approx(expected)
    assert tuning.with_values(candidate, tuning.initial_values(candidate)).name == candidate.name


def test_what_bears_the_label_pays_in_shares_of_the_constants_loss() -> None:
    fitted = fit(CANDIDATES[0])
    features = (Column("zone"), Column("miles"))
    result = permutation_importance.measure(
        fitted, FRAME, LABELS, NIGHTS, features, target=TARGET, confidence=0.95, seed=3
    )
    assert all(each.is_useful and 0.1 < each.within_nights.value < 3 for each in result)


def test_with_a_half_life_the_later_nights_are_believed() -> None:
    turned = np.where(NIGHTS < "2013-01-07", LABELS, LABELS + 50)
    known, believed = (
        fit(LinearQuantile(), turned, recency).model.learner.raw(np.array([[0.0, 5.0]]))
        for recency in (None, Recency(half_life_nights=1))
    )
    assert believed[0] >= known[0]


def test_labels_that_are_all_alike_are_refused() -> None:
    with pytest.raises(RefusalError, match="labels that differ in"):
        fit(CANDIDATES[0], np.full(COUNT, 3.0))


def alarm(column: pd.Series, settled: tuple[DeterministicLevels, ...] = (), labels: Floats = LABELS) -> None:
    frame = FRAME.assign(planted=column.to_numpy())
    leakage.check_features(
        frame, labels, NIGHTS, pd.DataFrame(index=frame.index), Gates(), target=TARGET, deterministic_levels=settled
    )


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param(pd.Series(LABELS + CHANCE.normal(0, 0.3, COUNT)), id="the label, a little blurred"),
        pytest.param(pd.Series(-np.log(LABELS - LABELS.min() + 1)), id="the label, bent and upside down"),
        pytest.param(pd.Series((LABELS // 2).astype(int).astype(str)), id="the label in words"),
    ],
)
def test_a_feature_that_tells_the_label_alone_is_named(planted: pd.Series) -> None:
    with pytest.raises(
        LeakError, match=r"'planted' alone predicts the label with a skill of 0\.\d{4}, more than the 0.8"
    ):
        alarm(planted)


def test_honest_features_do_not_alarm() -> None:
    alarm(pd.Series(CHANCE.normal(size=COUNT)))


def test_a_level_at_which_every_label_is_the_same_is_named_unless_it_is_declared() -> None:
    cancelled = np.arange(COUNT) % 5 == 0
    labels = np.where(cancelled, 40.0, LABELS)
    status = pd.Series(np.where(cancelled, "none", "flown"))
    reported = r"where it is none, 100.0% of 144 rows have the label 40, elsewhere 0.0%; it is probably written"
    with pytest.raises(LeakError, match=reported):
        alarm(status, labels=labels)
    alarm(status, (DeterministicLevels(feature="planted", levels=("none",), why="a test"),), labels)


def test_a_model_above_the_ceiling_over_nights_enough_is_no_skill() -> None:
    quality = TARGET.measure(LABELS, LABELS + 0.1, NIGHTS)
    leakage.check_quality(quality, Gates())
    with pytest.raises(LeakError, match=r"expected a skill of at most 0.8 .* got 0.9\d+ over 12 nights"):
        leakage.check_quality(quality, Gates(leak_skill_nights=12))
