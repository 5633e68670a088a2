"""The gate's operating curve where a number is asked for: the minutes of delay that three in four flights do not exceed.

The same rows, quarters and trials as the curve of a yes or no (`bench/gate.py`); gains are of the relative loss.
"""

from dataclasses import replace
from typing import Any

from bench import gate

GAINS = (-0.02, -0.005, 0.0, 0.01, 0.02, 0.04, 0.08)


def run() -> dict[str, Any]:
    """Return the share of each outcome by bar, number of judged nights and planted gain, and the false promotions."""
    measured = gate.measure(minutes, GAINS)
    gate.publish(measured, "gate_of_numbers", GAINS)
    return measured


def minutes(case: Any) -> Any:
    """Return the flights' use case, asked for minutes: one too little costs as much as three too many."""
    from ml.usecase import GradientBoosting, LinearQuantile, PinballCost, Prior, Regression

    return replace(
        case,
        task=Regression(label="delay_minutes_capped", table="outcomes", unit="minutes"),
        cost=PinballCost(under=3, over=1),
        candidates=(LinearQuantile(), GradientBoosting()),
        baselines=(Prior(),),
        expectations=(),
    )
