"""# Label trigger: decide on retraining as soon as a batch of labels lands

**What for.** Labels may arrive late and many at once, such as two months in one file. `monitor` counts them only once a
night; this DAG decides as soon as they have landed.

**How.** A trigger in the triggerer counts the labels in the warehouse every 15 seconds, and fires once for each batch
of `Triggers(label_batch=...)` labels. It uses no worker, and continues after a restart. `decide` evaluates the batch by
the use case's triggers; for instance, it requests no retraining during the cooldown after a training.

**What starts it.** The asset `labels`, if the use case declares a `label_batch`. A person, from the UI, to decide now.

**What it leaves.** The decision with its numbers in the ledger (`label_batch_decided`), once for each batch. If
retraining is requested, also the asset `retrain` for the last scored night, which starts `train`.

**When it is red.** `RequestError`: there is no champion yet, or the use case has no `label_batch`. Otherwise the
warehouse could not be reached: clear the task.
"""

from typing import Any

from airflow.sdk import DAG, task
from ratchet import policy, request
from ratchet.labels import LabelBatchTrigger

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
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


for each in usecases.models():
    declare(each)
