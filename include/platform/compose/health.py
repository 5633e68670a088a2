"""The health check of Airflow's containers: ask Airflow's API server whether one component is healthy.

This program imports only the standard library, because Airflow's own command takes seconds of CPU each time.
"""

import json
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any

_ADDRESS = "http://api-server:8080/api/v2/monitor/health"
_SECONDS = 8


def find_problem(component: str, health: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why `component` is not healthy according to Airflow's health report; an empty string if it is healthy."""
    status = (health.get(component) or {}).get("status")
    return "" if status == "healthy" else f"expected {component} to be healthy, Airflow reports {status or 'no status'}"


def main(component: str, address: str = _ADDRESS) -> None:
    """Return if `component` is healthy; otherwise print why not, and exit with code 1."""
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as reply:  # noqa: S310 - http to our own API server
            problem = find_problem(component, json.load(reply))
    except (OSError, ValueError) as error:
        problem = f"{address}: {error}"
    if problem:
        sys.exit(problem)


if __name__ == "__main__":
    main(*sys.argv[1:])
