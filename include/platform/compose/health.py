"""Asks Airflow's API server whether one of Airflow's parts lives, as a program: for a container's health check.

It imports nothing but the standard library: Airflow's own command takes seconds of CPU each time.
"""

import json
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any

_ADDRESS = "http://api-server:8080/api/v2/monitor/health"
_SECONDS = 8


def find_fault(component: str, health: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what is wrong with `part` by Airflow's own account; nothing when it lives."""
    status = (health.get(component) or {}).get("status")
    return (
        "" if status == "healthy" else f"expected {component} to be healthy, Airflow says {status or 'nothing of it'}"
    )


def main(component: str, address: str = _ADDRESS) -> None:
    """Exit 0 when `part` lives, else print why not and exit 1."""
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as reply:  # noqa: S310 - http, and our own
            problem = find_fault(component, json.load(reply))
    except (OSError, ValueError) as error:
        problem = f"{address}: {error}"
    if problem:
        sys.exit(problem)


if __name__ == "__main__":
    main(*sys.argv[1:])
