"""# Collect predictions: the servers' prediction logs are moved into the lake

**What for.** A server writes each prediction into its local log and waits for nothing. This DAG moves them into the lake, each
once, so that live requests are monitored, and judged by the canary test, as the nightly batch is.

**What starts it.** The clock, every five minutes. A person, from the UI. `canary` moves them too before it judges.

**What it leaves.** Rows in the table `answers/rest`: request, entity, package, route, score, latency, the features used.
Log files that are complete and moved are deleted.

**When it is red.** `SetupError`: the lake is away; nothing is lost, the logs keep their predictions and the next run moves
them. Two runs at once move each prediction once.
"""

from airflow.sdk import DAG, CronTriggerTimetable, task
from ratchet import policy

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    timetable = CronTriggerTimetable("*/5 * * * *", timezone="UTC") if policy.schedules_enabled() else None
    with DAG(**policy.dag_arguments(use_case, "collect_predictions", __doc__), schedule=timetable, catchup=False):

        @task
        def collect() -> int:
            from include.steps.score import prediction_log as step

            return step.collect(use_case.name)

        collect()


for each in usecases.all():
    declare(each)
