"""# Monitor: measure the champion, and decide whether to retrain it

**What for.** Scores are joined with the labels that have matured since. Infrastructure, data, model and business are
measured, and the use case's triggers decide whether to request retraining. Feature drift is reported; it requests
retraining only if the use case declares so.

**What starts it.** The asset `scores`, under the same key. A person, from the UI, for a `night` or a `window`.

**What it leaves.** Metrics in the warehouse and the decision with its numbers in the ledger. If retraining is
requested, also the asset `retrain`, which starts `train`; otherwise the task `request_retraining` is skipped.

**When it is red.** Nothing downstream is affected, because the scores are published already. Read the task's last line,
fix what it names, and clear the task.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, task
from ratchet import notifiers, policy, request

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
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


for each in usecases.models():
    declare(each)
