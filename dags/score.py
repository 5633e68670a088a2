"""# Score: the champion scores every entity of the night

**What for.** One score for each entity of the night, by the model that is champion at that time. A published score is
never rewritten: running a night again adds what is missing.

**What starts it.** The asset `features`, under the same key. A person, from the UI, for a `night` or a `window`.

**What it leaves.** Scores in the warehouse, each with its model's digest; their explanations in the lake, if the use
case declares `explanations`; and the asset `scores`, which starts `monitor`. Before the first release there is no champion: the task and everything after it are skipped.

**When it is skipped with an alert.** The night's scores are held back: some are missing or invalid, or they differ
from the nights before in number, spread or distribution (the bars are the use case's `PublicationGate`). None of the
night's scores is published, and the view `latest_scores` keeps the last published night. Fix the night and clear the
task. If the change is real, trigger this DAG for the night with a reason in `why`: the ledger records it with your
name, and exactly these scores are published.

**When it is red.** `PackageError`: the model's files are not the bytes that were approved; roll back, and find out who
changed them. `FeatureError`: a feature of the night does not mean what the champion was trained on; revert the change
and build the night again, or release a model that was trained on it. `RequestError`: no scores were held back.
`LedgerError`: a published score is not what its package gives, so that it was not explained; find out who wrote to the
warehouse.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, Param, PartitionedAssetTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from ratchet import notifiers, policy, request

from include import assets, usecases
from ml.errors import RefusalError
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    features = request.data_asset(use_case, assets.FEATURES)
    timetable = PartitionedAssetTimetable(assets=features, default_partition_mapper=IdentityMapper())
    why = Param(
        None,
        type=["null", "string"],
        maxLength=200,
        description="Why to publish the night's held-back scores as they are.",
    )
    form = {**request.form_fields(use_case), "why": why}
    with DAG(**policy.dag_arguments(use_case, "score", __doc__), schedule=timetable, params=form):

        @task(
            outlets=[request.asset(use_case, assets.SCORES)],
            pool="scoring",
            on_skipped_callback=[notifiers.AlertNotifier(use_case.name, kind="scores_held_back")],
        )
        def score(**context: Any) -> int:
            from include.steps.score import publication_gate
            from include.steps.score import score as step

            period = request.period(context)
            if request.starts_by_asset(context):
                period = step.complete_nights(use_case.name, period)
            if period is None:
                raise AirflowSkipException(
                    "no night is complete yet: the last cutoff of one comes after the next night's"
                )
            request.set_outlet_partitions(context, period)
            if why := (context["dag_run"].conf or {}).get("why"):
                publication_gate.override(use_case.name, request.night(context), request.triggering_user(context), why)
            try:
                rows = step.score(use_case.name, period)
            except RefusalError as refusal:
                raise AirflowSkipException(str(refusal)) from None
            if rows is None:
                raise AirflowSkipException(f"{use_case.name} has no champion yet: train one and release it")
            return rows

        score()


for each in usecases.models():
    declare(each)
