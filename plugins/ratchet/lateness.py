"""From when a run counts as late: from when it was made.

Airflow's own reference, when a run was queued, makes Airflow 3.3.2 fail on clearing a task of any run whose deadline is still to
come (it adds seconds to an interval that is none any more), and clearing is how a person mends a night.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference


class RunCreated(BaseDeadlineReference):
    """When a run was made, which is when Airflow asks."""

    def _evaluate_with(self, **_: Any) -> datetime:
        return datetime.now(UTC)
