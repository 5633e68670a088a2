"""# Canary: the challenger being released is judged after every night

**What for.** A challenger that answers copies, or for a share of the entities, is compared with the champion: faults,
latency, scores, and, as labels come, calibration and cost, by a sequential test, which may be evaluated at any time. Nothing shown
wrong and enough seen: the next share, and after the last it is champion. Shown worse: its release is aborted, at once.

**What starts it.** The asset `scores`, after every night. A person, from the UI, to look now.

**What it leaves.** `shadow_reviewed` (enough copies: two people are asked, by the asset `challenger`), `stage_passed` and
`traffic_shifted`, or `aborted` in the ledger, each with every number and bar; servers that follow; an alert when a release
is aborted; the asset `champion`. Without a challenger under way it leaves nothing.

**When it is red.** Traffic stays as it was routed: mend what the last line names, and clear the task.
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
    form = request.form_fields(use_case, window=False)
    with DAG(**policy.dag_arguments(use_case, "canary", __doc__), schedule=timetable, params=form):

        @task.branch(on_success_callback=[notifiers.AlertNotifier(use_case.name)])
        def judge(**context: Any) -> str | None:
            from include.steps.release import canary as step

            return step.advance(use_case.name, request.night(context))

        @task(outlets=[request.asset(use_case, assets.CHALLENGER)])
        def request_approvals(**context: Any) -> None:
            from include.steps.release import canary as step

            request.set_outlet_partitions(context, step.trained_night(use_case.name))

        @task(outlets=[request.asset(use_case, assets.CHAMPION)])
        def announce_champion(**context: Any) -> None:
            request.set_outlet_partitions(context)

        judge() >> [request_approvals(), announce_champion()]


for each in usecases.all():
    declare(each)
