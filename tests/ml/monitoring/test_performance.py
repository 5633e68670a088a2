import numpy as np
import pandas as pd
import pytest

from ml.monitoring import performance
from ml.targets import binary
from ml.usecase import Cost

TARGET = binary.Target(cost=Cost(act=250, miss=1800, averted=0.4), prior=0.3)


def test_nothing_matured_is_nothing_measured() -> None:
    assert performance.measure(pd.DataFrame({"night": [], "score": [], "label": []}), TARGET) is None


def test_matured_rows_are_measured_over_their_nights() -> None:
    rows = pd.DataFrame({"night": ["a", "a", "b"], "score": [0.9, 0.1, 0.5], "label": [1.0, 0.0, 0.0]})
    result = performance.measure(rows, TARGET)
    assert result is not None
    assert (result.nights, result.rows, result.auc) == (2, 3, 1.0)
    assert result.calibration_gap == pytest.approx(0.5 - 1 / 3)
    assert result.alert_rate == pytest.approx(2 / 3)
    assert result.cost == pytest.approx(250 + 0.6 * 1800 + 250)


def test_matured_rows_of_one_label_have_no_auc() -> None:
    result = performance.measure(
        pd.DataFrame({"night": ["a", "b"], "score": [0.9, 0.1], "label": [False, False]}), TARGET
    )
    assert result is not None
    assert result.auc is None


@pytest.mark.parametrize("dtype", ["bool", "boolean", "int64", "Int64", "float64"])
def test_labels_of_any_type_mean_the_same(dtype: str) -> None:
    rows = pd.DataFrame({"night": ["a", "b"], "score": [0.9, 0.1], "label": [True, False]})
    assert performance.measure(rows.astype({"label": dtype}), TARGET) == performance.measure(rows, TARGET)


def test_a_window_is_measured_with_an_interval_of_its_loss_by_nights() -> None:
    labels, scores = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.5, 0.5])
    nights = np.array(["a", "a", "b", "b"], object)
    result = performance.measure_recent(labels, scores, nights, TARGET, 0.95)
    assert result is not None
    assert (result.measured.nights, result.measured.rows) == (2, 4)
    assert result.loss.value == pytest.approx(result.measured.loss)
    assert result.loss.low < result.loss.value < result.loss.high
    assert performance.measure_recent(labels[:0], scores[:0], nights[:0], TARGET, 0.95) is None


def test_one_night_bounds_no_loss() -> None:
    one = np.array(["a", "a"], object)
    result = performance.measure_recent(np.array([1.0, 0.0]), np.array([0.9, 0.2]), one, TARGET, 0.95)
    assert result is not None
    assert result.loss.low == -np.inf
