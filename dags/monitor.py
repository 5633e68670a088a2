"""# Monitor: is the champion still good, and should it be retrained?

**What for.** Scores meet the labels that have matured since. Four pillars are measured (infrastructure, data, model,
business), and the use case's triggers decide whether to ask for retraining. Feature drift is shown; it requests retraining only where the use case declares so.

**What starts it.** The asset `scores`, under the same key. A person, from the UI, for a `night` or a `window`.

**What it leaves.** Measurements in the warehouse, the decision with its numbers in the ledger, and, only when
retraining is asked for, the asset `retrain`, which starts `train`. "Not asked for" shows as a skipped `request_retraining` task.

**When it is red.** Nothing downstream is harmed: scores are published already. Read the task's last line, mend what it
names, and clear it.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, task
from ratchet import notifiers, policy, request

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    scores = request.asset(use_case, assets.SCORES)
    timetable = PartitionedAssetTimetable(assets=scores, default_partition_mapper=IdentityMapper())
    with DAG(
        **policy.dag_arguments(use_case, "monitor", __doc__), schedule=timetable, params=request.form_fields(use_case)
    ):

        @task.short_circuit(on_success_callback=[notifiers.AlertNotifier(use_case.name)])
        def measure(**context: Any) -> bool:
            from include.steps.monitor import monitor as step

            return step.measure(use_case.name, request.period(context))

        @task(outlets=[request.asset(use_case, assets.RETRAIN)])
        def request_retraining(**context: Any) -> None:
            request.set_outlet_partitions(context)

        measure() >> request_retraining()


for each in usecases.all():
    declare(each)
