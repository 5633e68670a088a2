"""# Label trigger: does a batch of new labels request retraining now?

**What for.** Labels may come late and by the file, two months of them at once. The night's `monitor` counts them once a
night; this answers as soon as they have landed.

**How.** A trigger in the triggerer counts the labels in the warehouse every 15 seconds, and fires once for each batch of
`Triggers(label_batch=...)`. It takes no worker, and goes on after a restart where it was. `decide` compares the batch with
the use case's triggers: within the cooldown after a training nothing is asked for.

**What starts it.** The asset `labels`, where the use case has a `label_batch`. A person, from the UI, to decide now.

**What it leaves.** The decision with its numbers in the ledger (`label_batch_decided`), once for each batch, and, only when retraining
is asked for, the asset `retrain` with the last scored night, which starts `train`.

**When it is red.** `RequestError`: there is no champion yet, or the use case has no `label_batch`. Otherwise the warehouse was
away: clear the task.
"""

from typing import Any

from airflow.sdk import DAG, task
from ratchet import policy, request
from ratchet.labels import LabelBatchTrigger

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    batch = use_case.triggers.label_batch
    labels = policy.watched_asset(use_case, assets.LABELS, LabelBatchTrigger(use_case.name, batch) if batch else None)
    with DAG(
        **policy.dag_arguments(use_case, "label_trigger", __doc__),
        schedule=[labels],
        params=request.use_case_field(use_case),
    ):

        @task
        def decide(**context: Any) -> str | None:
            from include.steps.monitor import label_trigger as step

            events = context["triggering_asset_events"].get(labels, [])
            known = max((each.extra["payload"]["known"] for each in events), default=None)
            if known is None:
                volume = step.count_labels(use_case.name)
                known = volume.known if volume else 0
            return step.decide(use_case.name, known)

        @task.short_circuit
        def is_requested(night: str | None) -> bool:
            return night is not None

        @task(outlets=[request.asset(use_case, assets.RETRAIN)])
        def request_retraining(night: str, **context: Any) -> None:
            request.set_outlet_partitions(context, night)

        night = decide()
        is_requested(night) >> request_retraining(night)


for each in usecases.all():
    declare(each)
