"""A yes or no: what a package tells of it, what is too good to be true, and what it is called."""

import math

import numpy as np
import pytest

from ml.targets import binary
from ml.usecase import Cost, Gates
from tests.ml.usecase.test_use_case import use_case

TARGET = binary.Target(cost=Cost(act=250, miss=1800, averted=0.4), prior=0.3)


def test_every_metric_is_measured() -> None:
    quality = TARGET.measure(
        np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.8, 0.6]), np.array(["a", "a", "b"], dtype=object)
    )
    assert (quality.rows, quality.nights, quality.auc) == (3, 2, 1.0)
    assert quality.base_rate == pytest.approx(2 / 3)
    assert quality.saved_per_1000 == pytest.approx(2 / 3 * (720 - 250) * 1000)


def test_rows_of_one_class_have_no_auc_but_all_else() -> None:
    quality = TARGET.measure(np.zeros(3), np.full(3, 0.2), np.array(["a"] * 3, dtype=object))
    assert quality.auc is None
    assert quality.brier == pytest.approx(0.04)


def test_the_prior_is_the_base_rate_and_a_package_tells_it() -> None:
    case = use_case()
    learned = binary.Target.from_labels(case, np.array([0.0, 1.0, 0.0, 0.0]))
    assert learned.prior == 0.25
    assert binary.Target.from_facts(case, {"task": learned.facts}) == learned


def test_a_package_of_before_targets_were_told_has_no_prior() -> None:
    assert math.isnan(binary.Target.from_facts(use_case(), {}).prior)


def test_what_was_recorded_of_a_model_reads_back() -> None:
    quality = TARGET.measure(np.array([0.0, 1.0]), np.array([0.1, 0.8]), np.array(["a", "b"], dtype=object))
    fields = {name: getattr(quality, name) for name in quality.__slots__}
    assert TARGET.restore_quality(fields) == quality
    assert quality.leak_limit(Gates(leak_auc=0.9)) == ("ROC AUC", 1.0, 0.9, 28)


@pytest.mark.parametrize(("score", "answers"), [(0.5, True), (0.0, False), (1.0, False), (math.nan, False)])
def test_an_answer_is_a_probability_inside_0_and_1(score: float, answers: bool) -> None:
    assert TARGET.is_valid_score(score) is answers


@pytest.mark.parametrize(("score", "reported"), [(0.9, "this is above: act"), (0.1, "this is not above: do not act")])
def test_the_decision_is_the_score_against_the_threshold(score: float, reported: str) -> None:
    assert reported in TARGET.explain_decision(1.0, 0.0, score)[-1]
