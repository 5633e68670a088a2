"""# Rollback drill: would a rollback be fast enough?

**What for.** A rollback that was never tried cannot be relied on. The drill starts a server of its own with the champion, rolls
it back to the model before, and measures the time until that model answers. No traffic is touched.

**What starts it.** The clock, on the first of each month. A person, from the UI.

**What it leaves.** The metric `rollback_seconds`, and an alert when it took more than two seconds. With nothing to go back to
the task is skipped.

**When it is red.** `SetupError`: the server did not start, or never followed; its last words are in the task's log. A real rollback
would not have worked either: mend it today.
"""

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from ratchet import policy

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
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


for each in usecases.all():
    declare(each)
