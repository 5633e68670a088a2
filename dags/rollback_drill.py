"""# Rollback drill: measure how long a rollback takes

**What for.** A rollback that was never tried cannot be relied on. The drill starts a separate server with the champion,
rolls it back to the previous one, and measures the time until that model answers. No traffic is touched.

**What starts it.** The clock, on the first of each month. A person, from the UI.

**What it leaves.** The metric `rollback_seconds`, and an alert if it took more than two seconds. If there is nothing to
roll back to, the task is skipped.

**When it is red.** `SetupError`: the server did not start, or never switched; its last output is in the task's log. A
real rollback would have failed too: fix it today.
"""

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from ratchet import policy

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    timetable = CronTriggerTimetable("0 6 1 * *", timezone="UTC") if policy.schedules_enabled() else None
    with DAG(**policy.dag_arguments(use_case, "rollback_drill", __doc__), schedule=timetable, catchup=False):

        @task
        def drill() -> float:
            from include.steps.release import drill as step

            result = step.drill(use_case.name)
            if result is None:
                raise AirflowSkipException(f"{use_case.name} has no champion to go back to")
            return result.seconds

        drill()


for each in usecases.models():
    declare(each)
