"""What answering came to: how many answers, how fast, and how many rows got none."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingMetrics:
    """Answers of one package, one for each row asked; `peak_per_second` is the most that one second had."""

    predictions: int
    error_rate: float
    latency_p50_ms: float
    latency_p99_ms: float
    peak_per_second: int


def measure(predictions: pd.DataFrame) -> ServingMetrics:
    """Return what the rows of `answers` came to: `at` (seconds since 1970), `latency_ms`, `fault` (missing for none)."""
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
