"""# Missed nights: an alert for each night without a run or without scores

**What for.** A run that was never started cannot be late or red. After downtime or a pause, this DAG compares the
nights of the use case's calendar with what was ingested and scored.

**What starts it.** The clock, every hour. A person, from the UI.

**What it leaves.** An alert for each night of the last year, since the first one that was ingested, that has no run or
no scores two hours after its cutoff; a new one is also sent to the recipients in the settings. The alert goes once the
night has them. The next scheduled run of `ingest` makes up for missed nights, oldest first, as the use case declares
(`CatchUp`).

**When it is red.** `SetupError`: the warehouse cannot be reached; the next run checks again.
"""

from airflow.sdk import DAG, CronTriggerTimetable, task
from ratchet import policy, request

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
    timetable = CronTriggerTimetable("20 * * * *", timezone="UTC") if policy.schedules_enabled() else None
    form = request.use_case_field(use_case)
    with DAG(
        **policy.dag_arguments(use_case, "missed_nights", __doc__), schedule=timetable, catchup=False, params=form
    ):

        @task
        def check() -> list[str]:
            from datetime import UTC, datetime

            from include import notifications
            from include.steps import missed_nights as step

            new = step.check(use_case.name, datetime.now(UTC))
            if new:
                notifications.send(f"{use_case.name}: {len(new)} nights without a run or scores", "\n".join(new))
            return new

        check()


for each in usecases.all():
    declare(each)
