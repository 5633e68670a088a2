"""Answers counted by hand."""

from dataclasses import asdict

import pandas as pd
import pytest

from ml.monitoring import serving_metrics
from ml.monitoring.serving_metrics import ServingMetrics


def test_answers_are_counted_timed_and_their_busiest_second_found() -> None:
    answers = pd.DataFrame(
        {
            "at": [100.1, 100.9, 101.0, 205.5],
            "latency_ms": [1.0, 2.0, 3.0, 100.0],
            "fault": [None, None, "ValueError: broken", None],
        }
    )
    result = serving_metrics.measure(answers)
    expected = ServingMetrics(
        predictions=4, error_rate=0.25, latency_p50_ms=2.5, latency_p99_ms=97.09, peak_per_second=2
    )
    assert asdict(result) == pytest.approx(asdict(expected))


def test_one_answer_is_its_own_quantiles() -> None:
    result = serving_metrics.measure(pd.DataFrame({"at": [7.0], "latency_ms": [0.4], "fault": [None]}))
    assert (result.latency_p50_ms, result.latency_p99_ms, result.error_rate) == (0.4, 0.4, 0.0)
