"""A package that cannot answer, answers otherwise elsewhere, takes too much, or goes against what experts expect is refused."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.promotion import acceptance_tests
from ml.promotion.acceptance_tests import ServingProbe
from ml.promotion.gate import CheckStatus
from ml.scoring.calibration import Calibration
from ml.scoring.design import Design
from ml.scoring.encoder import Encoder
from ml.statistics.intervals import ScoredRows
from ml.training import fitting
from ml.training.fitting import Model
from ml.training.learners import Linear
from ml.usecase import (
    Candidate,
    Directional,
    Fairness,
    GradientBoosting,
    Invariant,
    Logistic,
    Megabytes,
    Milliseconds,
    NeuralNet,
)
from tests.ml.answers import YES_OR_NO

CHANCE = np.random.default_rng(5)
COUNT = 240
FRAME = pd.DataFrame(
    {
        "wind": CHANCE.normal(20, 8, COUNT),
        "miles": CHANCE.normal(500, 100, COUNT),
        "zone": CHANCE.choice(["east", "west"], COUNT),
    }
)
FRAME.loc[::7, ["wind", "zone"]] = None
LABELS = (FRAME["wind"].fillna(20).to_numpy() + CHANCE.normal(0, 4, COUNT) > 22).astype(np.float64)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 9)], COUNT // 8).astype(object)
CANDIDATES: tuple[Candidate, ...] = (
    Logistic(strength=1.0),
    GradientBoosting(trees=20, leaves=4, rows_per_leaf=5),
    NeuralNet(epochs=2),
)
ROW = {"wind": 20.0, "miles": 500.0, "zone": "east"}


def fit(candidate: Candidate) -> Model:
    return fitting.fit(
        candidate, fitting.prepare(FRAME, LABELS, NIGHTS, tuple(FRAME), target=YES_OR_NO, seed=1, threads=1)
    ).model


LOGISTIC = fit(CANDIDATES[0])


def brittle(weight: float) -> Model:
    """A model that answers ordinary rows, and has no number for ones far off where `weight` is too large."""
    design = Design(sizes=(0, 0), means=np.zeros(2), scales=np.ones(2), flagged=np.zeros(2, bool))
    learner = Linear(design=design, weights=np.array([weight, weight]), intercept=0.0)
    flat = Calibration(slope=0.0)
    return Model(encoder=Encoder(levels={"a": None, "b": None}), learner=learner, calibration=flat)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)
def test_every_learner_answers_every_odd_row_with_a_probability(candidate: Candidate) -> None:
    model = LOGISTIC if candidate is CANDIDATES[0] else fit(candidate)
    odd = acceptance_tests.predict_rows(model, acceptance_tests.adversarial_rows(model.encoder, ROW))
    check = acceptance_tests.stability_check(odd, YES_OR_NO)
    assert (check.status, check.value) == (CheckStatus.PASS, 0.0)
    assert check.bar == "0 of 17 without a probability in (0, 1), alone and in a frame"


def test_odd_rows_are_unseen_levels_missing_cells_and_each_number_at_each_extreme() -> None:
    odd = acceptance_tests.adversarial_rows(LOGISTIC.encoder, ROW)
    assert odd["all levels unseen"]["zone"] not in ("east", "west", None)
    assert odd["all missing"]["zone"] is None
    assert math.isnan(float(str(odd["all missing"]["wind"])))
    assert odd["wind -1e+308"] == ROW | {"wind": -1e308}
    assert odd["all numbers inf"] == ROW | {"wind": math.inf, "miles": math.inf}


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_a_model_with_a_nan_path_is_refused_and_the_row_named() -> None:
    model, row = brittle(1e307), {"a": 0.0, "b": 0.0}
    assert model.predict_row(row) == 0.5
    check = acceptance_tests.stability_check(
        acceptance_tests.predict_rows(model, acceptance_tests.adversarial_rows(model.encoder, row)), YES_OR_NO
    )
    assert check.status is CheckStatus.FAIL
    assert "all numbers 1e+308" in check.name
    sound = acceptance_tests.predict_rows(brittle(1.0), acceptance_tests.adversarial_rows(model.encoder, row))
    assert acceptance_tests.stability_check(sound, YES_OR_NO).status is CheckStatus.PASS


@pytest.mark.parametrize("score", [0.0, 1.0, -0.1, math.nan, math.inf])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    assert acceptance_tests.stability_check({"ordinary": 0.5, "odd": score}, YES_OR_NO).status is CheckStatus.FAIL


def test_without_an_odd_row_nothing_is_shown() -> None:
    assert acceptance_tests.stability_check({}, YES_OR_NO).status is CheckStatus.FAIL


@pytest.mark.parametrize(
    ("scores", "value", "answer"),
    [
        pytest.param([0.1, 0.2], 0.0, CheckStatus.PASS, id="the same"),
        pytest.param([0.1, 0.2 + 1e-12], 1e-12, CheckStatus.PASS, id="the last bits"),
        pytest.param([0.1, 0.3], 0.1, CheckStatus.FAIL, id="another answer"),
        pytest.param([0.1, math.nan], None, CheckStatus.FAIL, id="no answer"),
        pytest.param([0.1], None, CheckStatus.FAIL, id="a row less"),
        pytest.param([], None, CheckStatus.FAIL, id="none"),
    ],
)
def test_ways_that_differ_are_refused(scores: list[float], value: float | None, answer: CheckStatus) -> None:
    (check,) = acceptance_tests.agreement_checks({"batch": [0.1, 0.2], "server": scores}, "batch")
    assert (check.value, check.status) == (None if value is None else pytest.approx(value, abs=1e-13), answer)
    assert check.name == "answers of server"


def test_ways_that_both_have_no_rows_show_nothing() -> None:
    (check,) = acceptance_tests.agreement_checks({"batch": [], "server": []}, "batch")
    assert check.status is CheckStatus.FAIL


TRIAL = ServingProbe(
    single_row_scores=[], batch_scores=[], adversarial_scores={}, p50_ms=1.0, p99_ms=5.0, memory_mb=200.0
)


@pytest.mark.parametrize(
    ("change", "size", "over"),
    [
        pytest.param({}, 10_000_000, [], id="all within"),
        pytest.param({"p99_ms": 10.01}, 10_000_000, ["p99 latency"], id="slow"),
        pytest.param({"memory_mb": 501.0}, 10_000_000, ["memory of"], id="greedy"),
        pytest.param({"p99_ms": math.nan}, 10_000_000, ["p99 latency"], id="unmeasured"),
        pytest.param({}, 60_000_000, ["size of"], id="large"),
    ],
)
def test_what_goes_over_its_budget_is_refused(change: dict[str, float], size: int, over: list[str]) -> None:
    checks = acceptance_tests.budget_checks(
        replace(TRIAL, **change), size, Milliseconds(p99=10), Megabytes(package=50, memory=500)
    )
    failed = [each.name for each in checks if each.status is CheckStatus.FAIL]
    assert [name.startswith(start) for name, start in zip(failed, over, strict=True)] == [True] * len(over)


def test_without_serving_declared_latency_is_no_gate_and_the_report_says_so() -> None:
    slow = replace(TRIAL, p99_ms=1e6)
    first, *_ = acceptance_tests.budget_checks(slow, 1, None, Megabytes(package=50, memory=500))
    for check in (first, acceptance_tests.http_latency_check(1e6, 1e6, None)):
        assert (check.status, check.value) == (CheckStatus.PASS, None)
        assert check.bar == "not measured: the use case declares no serving (latency_budget)"


WINDY = Directional(name="wind", low=(("wind", 10.0),), high=(("wind", 40.0),), why="a test")
ZONE = Invariant(name="zone", feature="zone", values=("east", "west"), tolerance=0.2, why="a test")


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        pytest.param(WINDY, CheckStatus.PASS, id="up"),
        pytest.param(replace(WINDY, low=WINDY.high, high=WINDY.low), CheckStatus.FAIL, id="down"),
        pytest.param(
            replace(WINDY, low=WINDY.high, high=WINDY.low, allowed_share=0.999), CheckStatus.FAIL, id="down in all rows"
        ),
        pytest.param(
            replace(WINDY, low=WINDY.high, high=WINDY.low, tolerance=0.999), CheckStatus.PASS, id="within the slack"
        ),
        pytest.param(ZONE, CheckStatus.PASS, id="unmoved"),
        pytest.param(replace(ZONE, feature="wind", values=(10.0, 40.0)), CheckStatus.FAIL, id="moved"),
    ],
)
def test_what_experts_expect_is_asked_of_every_row(expected: Directional | Invariant, answer: CheckStatus) -> None:
    (check,) = acceptance_tests.expectation_checks(LOGISTIC, FRAME, (expected,))
    assert (check.name, check.status) == (expected.name, answer)
    assert check.value in (0.0, 1.0)


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(replace(ZONE, values=("east", "mars")), id="a level that no training saw"),
        pytest.param(replace(ZONE, feature="moon"), id="a feature that the model has not"),
        pytest.param(replace(ZONE, feature="wind"), id="a text for a number"),
    ],
)
def test_an_expectation_that_says_nothing_is_missing_and_refuses(expected: Invariant) -> None:
    (check,) = acceptance_tests.expectation_checks(LOGISTIC, FRAME, (expected,))
    assert (check.value, check.status) == (None, CheckStatus.FAIL)


def test_an_expectation_without_rows_refuses() -> None:
    (check,) = acceptance_tests.expectation_checks(LOGISTIC, FRAME.head(0), (WINDY,))
    assert (check.value, check.status) == (None, CheckStatus.FAIL)


def test_an_answer_that_is_no_number_goes_against_any_expectation() -> None:
    silent = replace(LOGISTIC, calibration=Calibration(slope=math.nan))
    (check,) = acceptance_tests.expectation_checks(silent, FRAME, (ZONE,))
    assert (check.value, check.status) == (1.0, CheckStatus.FAIL)


ZONES = FRAME["zone"].fillna("missing").to_numpy(object)
ALL = np.ones(COUNT, bool)


def fairness(scores: np.ndarray, among: np.ndarray = ALL) -> dict[str, CheckStatus]:
    """Return the answers of the fairness checks of `scores` by what they are about."""
    rows = ScoredRows(frame=FRAME, labels=LABELS, scores=scores, nights=NIGHTS)
    declared = Fairness(group_by=("zone",), min_rows=50)
    checks = acceptance_tests.fairness_checks(rows, {"zone": ZONES}, among, declared, YES_OR_NO, 0.95)
    return {check.name: check.status for check in checks}


def test_groups_treated_alike_pass_and_the_rows_asked_of_are_counted() -> None:
    answers = fairness(LOGISTIC.predict(FRAME))
    assert set(answers.values()) == {CheckStatus.PASS}
    assert {"labelled rows of recent nights", "group zone=west: calibration relative to all rows"} <= answers.keys()


def test_a_group_that_is_scored_far_too_high_is_refused_by_name() -> None:
    scores = np.where(ZONES == "west", 0.97, LOGISTIC.predict(FRAME) * 0.6)
    assert fairness(scores)["group zone=west: calibration relative to all rows"] is CheckStatus.FAIL


def test_fairness_without_a_labelled_row_refuses() -> None:
    assert fairness(LOGISTIC.predict(FRAME), ~ALL) == {"labelled rows of recent nights": CheckStatus.FAIL}
