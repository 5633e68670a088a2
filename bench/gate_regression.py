"""The gate's operating curve for a regression target: the .75 quantile of the delay in minutes.

The rows, quarters and trials are those of the binary target's curve (`bench/gate.py`). Gains are in relative loss.
"""

from dataclasses import replace
from typing import Any

from bench import gate

GAINS = (-0.02, -0.005, 0.0, 0.01, 0.02, 0.04, 0.08)


def run() -> dict[str, Any]:
    """Return the share of each outcome by rule, number of judged nights and true gain, and the false promotions."""
    design = replace(gate.FLIGHTS, adapt=delay_minutes, gains=GAINS)
    measured = gate.measure(design)
    gate.publish(measured, "gate_regression", design)
    return measured


def delay_minutes(case: Any) -> Any:
    """Return the flights' use case with the delay as target; a minute too few costs as much as three too many."""
    from ml.usecase import GradientBoosting, LinearQuantile, PinballCost, Prior, Regression

    return replace(
        case,
        task=Regression(label="delay_minutes_capped", table="outcomes", unit="minutes"),
        cost=PinballCost(under=3, over=1),
        candidates=(LinearQuantile(), GradientBoosting()),
        baselines=(Prior(),),
        expectations=(),
    )
