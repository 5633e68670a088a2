"""# Collect predictions: move the servers' prediction logs into the lake

**What for.** A server writes each prediction to its local log, so that an answer waits for no other system. This DAG
moves the predictions into the lake, each once. Live requests are then monitored, and tested in the canary, like the
nightly batch.

**What starts it.** The clock, every five minutes. A person, from the UI. `canary` also does this before its test.

**What it leaves.** Rows in the table `answers/rest`: request, entity, package, route, score, latency and the features
used. Log files that are complete and moved are deleted.

**When it is red.** `SetupError`: the lake cannot be reached. Nothing is lost: the logs keep their predictions, and the
next run moves them. Two parallel runs move each prediction once.
"""

from airflow.sdk import DAG, CronTriggerTimetable, task
from ratchet import policy

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    timetable = CronTriggerTimetable("*/5 * * * *", timezone="UTC") if policy.schedules_enabled() else None
    with DAG(**policy.dag_arguments(use_case, "collect_predictions", __doc__), schedule=timetable, catchup=False):

        @task
        def collect() -> int:
            from include.steps.score import prediction_log as step

            return step.collect(use_case.name)

        collect()


for each in usecases.models():
    declare(each)
