"""# Materialize: a night's features go to the online store and the servers

**What for.** Feast's online store gets the newest features of every entity, by windows that begin two nights early, so
that late rows arrive; a server gets a snapshot of the night with a checksum for every byte. Then a sample is compared by
every way that leads to a feature: training join, table, online store, snapshot, rebuild, and, on the first night of a
week, Feast's own historical retrieval.

**What starts it.** The asset `features`, under the same key; scoring does not wait for it. A person, from the UI, for a
`night` or a `window`.

**What it leaves.** Rows in the online store, a snapshot in the feature store's folder, the newest two kept; metrics and a
ledger row on parity, and an alert with way, feature and count where anything differs. Run again, it leaves the same.

**When it is red.** `SetupError`, features that were never deployed: run `ratchet features apply`. The online store is away:
start it and clear the task; servers do not need it, the night's snapshot is exported first. `FeatureError`: the night was
built from other declarations than today's; run the `ratchet features build` that it names, and clear the task. Values that differ are no red task but an
alert: clear `materialize` first, which mends what is stale; what still differs is a fault in the way that the alert names.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, task
from ratchet import notifiers, policy, request

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    features = request.asset(use_case, assets.FEATURES)
    timetable = PartitionedAssetTimetable(assets=features, default_partition_mapper=IdentityMapper())
    with DAG(
        **policy.dag_arguments(use_case, "materialize", __doc__),
        schedule=timetable,
        params=request.form_fields(use_case),
    ):

        @task
        def materialize(**context: Any) -> int:
            from include.steps.features import materialize as step

            return step.materialize(use_case.name, request.period(context))

        @task(on_success_callback=[notifiers.AlertNotifier(use_case.name)])
        def parity(**context: Any) -> int:
            from include.steps.features import parity as step

            return step.check(use_case.name, request.period(context))

        materialize() >> parity()


for each in usecases.all():
    declare(each)
