"""# Materialize: publish a night's features to the online store and the servers

**What for.** Feast's online store gets the newest features of every entity, from a window that begins two nights early
so that it includes late rows. The servers get a snapshot of the night, protected by a checksum. Then `parity` compares
a sample across all paths that compute or serve features: table, training join, online store, snapshot, rebuild and, on
the first night of a week, Feast's historical retrieval.

**What starts it.** The asset `scores`, under the same key: servers answer only from nights whose scores were published.
A person, from the UI, for a `night` or a `window`; with a reason in `why` also for a night without published scores,
or for one whose snapshot was withdrawn (`ratchet features withdraw`). The ledger records the reason with the name.

**What it leaves.** Rows in the online store; a snapshot in the feature store's folder, of which the newest two are
kept; parity metrics and a ledger entry; and an alert with path, feature and count for every difference. Running it
again leaves the same state.

**When it is red.** `SetupError`: the features were never deployed; run `ratchet features apply`. Or the online store
cannot be reached: start it and clear the task; servers do not need it, because the snapshot is exported first.
`RequestError`: the night has no published scores, they are held back, or its snapshot was withdrawn.
`FeatureError`: the night was built from other declarations than the current ones; run the `ratchet features build` that
the message names, and clear the task. Differing values raise an alert and no error: clear `materialize` first, which
updates stale values. A difference that remains is a bug in the path that the alert names.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, Param, PartitionedAssetTimetable, task
from ratchet import notifiers, policy, request

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
    scores = request.asset(use_case, assets.SCORES)
    why = Param(
        None, type=["null", "string"], maxLength=200, description="Why servers may answer from a night without scores."
    )
    timetable = PartitionedAssetTimetable(assets=scores, default_partition_mapper=IdentityMapper())
    with DAG(
        **policy.dag_arguments(use_case, "materialize", __doc__),
        schedule=timetable,
        params={**request.form_fields(use_case), "why": why},
    ):

        @task
        def materialize(**context: Any) -> int:
            from include.steps.features import materialize as step

            period = request.period(context)
            if why := (context["dag_run"].conf or {}).get("why"):
                step.override(use_case.name, period, request.triggering_user(context), why)
            return step.materialize(use_case.name, period)

        @task(on_success_callback=[notifiers.AlertNotifier(use_case.name)])
        def parity(**context: Any) -> int:
            from include.steps.features import parity as step

            return step.check(use_case.name, request.period(context))

        materialize() >> parity()


for each in usecases.all():
    declare(each)
