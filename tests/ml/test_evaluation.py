import numpy as np
import pytest

from ml import evaluation
from ml.usecase import Cost, Slice

COST = Cost(act=250, miss=1800, averted=0.4)


def test_every_metric_is_measured() -> None:
    quality = evaluation.measure(
        np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.8, 0.6]), np.array(["a", "a", "b"], dtype=object), COST
    )
    assert (quality.rows, quality.nights, quality.auc) == (3, 2, 1.0)
    assert quality.base_rate == pytest.approx(2 / 3)
    assert quality.saved_per_1000 == pytest.approx(2 / 3 * (720 - 250) * 1000)


def test_rows_of_one_class_have_no_auc_but_all_else() -> None:
    quality = evaluation.measure(np.zeros(3), np.full(3, 0.2), np.array(["a"] * 3, dtype=object), COST)
    assert quality.auc is None
    assert quality.brier == pytest.approx(0.04)


def test_slices_are_the_levels_with_rows_enough() -> None:
    levels = {"zone": np.array(["x"] * 3 + ["y"], dtype=object)}
    assert list(evaluation.slices((Slice(by="zone", least_rows=2),), levels)) == ["zone=x"]


def test_the_mean_weighs_rows_and_its_interval_holds_it() -> None:
    found = evaluation.mean_by_night(
        np.array([1.0, 1.0, 1.0, 5.0]), np.array(["a", "a", "b", "c"], dtype=object), 0.95, seed=1
    )
    assert found.value == 2
    assert found.low <= 2 <= found.high


def test_one_night_has_no_bounds() -> None:
    found = evaluation.mean_by_night(np.ones(5), np.array(["a"] * 5, dtype=object), 0.95, seed=1)
    assert (found.value, found.low, found.high) == (1, -np.inf, np.inf)


def test_a_95_percent_interval_over_seven_nights_holds_the_truth_about_as_often() -> None:
    nights = np.repeat(np.arange(7).astype(str), 20).astype(object)
    chance, held = np.random.default_rng(0), 0
    for _ in range(300):
        values = np.repeat(chance.normal(0, 1, 7), 20) + chance.normal(0, 0.5, 140)
        found = evaluation.mean_by_night(values, nights, 0.95, seed=1)
        held += found.low <= 0 <= found.high
    assert held / 300 >= 0.88
