"""The reference time of deadlines: a run is late some hours after it was created.

With Airflow's own reference, the time at which a run was queued, Airflow 3.3.2 fails when a person clears a task of a
run whose deadline is still to come (it adds seconds to a value that is no interval any more). Clearing tasks is how a
person repairs a night.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference


class RunCreated(BaseDeadlineReference):
    """The time at which a run was created, which is when Airflow evaluates this reference."""

    def _evaluate_with(self, **_: Any) -> datetime:
        return datetime.now(UTC)
