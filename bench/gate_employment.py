"""The gate's operating curve where a night is a month: employment, whose models are judged on four months or more.

The trials are those of the flights' curve (`bench/gate.py`), on three parts of ten months.
"""

from typing import Any

from bench import gate
from bench.gate import Design

EMPLOYMENT = Design(
    use_case="employment",
    nights="2015-01-01..2018-12-01",
    parts=(("2016-07", "2017-04"), ("2017-05", "2018-02"), ("2018-03", "2018-12")),
    cadence_nights=3,
    lengths=(4, 8),
    gains=(-0.002, -0.001, 0.0, 0.001, 0.002, 0.005, 0.01),
)


def run() -> dict[str, Any]:
    """Return the share of each outcome by number of judged months and true gain, and the false promotions."""
    measured = gate.measure(EMPLOYMENT)
    gate.publish(measured, "gate_employment", EMPLOYMENT)
    return measured
