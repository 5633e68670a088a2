"""Serving metrics from the prediction log: number of predictions, latency, error rate and peak load."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingMetrics:
    """Metrics of one package's predictions, one for each requested row.

    `peak_per_second` is the largest number of predictions in any one second.
    """

    predictions: int
    error_rate: float
    latency_p50_ms: float
    latency_p99_ms: float
    peak_per_second: int


def measure(predictions: pd.DataFrame) -> ServingMetrics:
    """Return the metrics of `predictions`, one or more rows.

    Its columns are `at` (seconds since 1970), `latency_ms`, and `fault` (missing if the prediction succeeded).

    >>> log = pd.DataFrame({"at": [0.1, 0.9, 1.5], "latency_ms": [2.0, 4.0, 3.0], "fault": [None, "timeout", None]})
    >>> metrics = measure(log)
    >>> metrics.peak_per_second, metrics.latency_p50_ms, round(metrics.error_rate, 4)
    (2, 3.0, 0.3333)
    """
    latencies: Floats = predictions["latency_ms"].to_numpy(np.float64)
    seconds: Integers = np.floor(predictions["at"].to_numpy(np.float64)).astype(np.int64)
    p50, p99 = np.quantile(latencies, [0.5, 0.99])
    return ServingMetrics(
        predictions=len(predictions),
        error_rate=float(predictions["fault"].notna().mean()),
        latency_p50_ms=float(p50),
        latency_p99_ms=float(p99),
        peak_per_second=int(np.unique(seconds, return_counts=True)[1].max()),
    )
