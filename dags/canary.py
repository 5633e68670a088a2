"""# Canary: compare the challenger with the champion after every night

**What for.** During a release, the challenger first answers copies of requests, then serves a share of the entities.
A sequential test, valid at any time, compares it with the champion: faults, latency, scores and, once labels arrive,
calibration and cost. If nothing is shown to be worse and enough was observed, the challenger gets the next share; after
the last share it becomes champion. If it is shown to be worse, its release is aborted at once. A champion that was
adopted without proof is guarded in the same way: if it is shown worse than the model that it replaced, that one is put
back; if unproven models have used up the harm budget, the last proven model is. The members of the shadow queue, which
are undecided challengers of another recipe, are compared with the champion too; one that is shown better is judged
again.

**What starts it.** The asset `scores`, after every night. A person, from the UI, to test now.

**What it leaves.** Entries in the ledger, each with every number and bar: `shadow_reviewed` (there are enough shadow
responses, so the asset `challenger` starts `release` for the approvals), `stage_passed` and `traffic_shifted`, or
`aborted` or `rolled_back` with an alert; `judged_again` (an undecided challenger was shown better, so the asset
`challenger` starts its `release`). The servers follow the new routing. A promotion updates the asset `champion`.
Without a release under way, and with a champion that nothing shows to be worse, it leaves nothing.

**When it is red.** The routing is unchanged. Fix what the last line names, and clear the task.
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
    form = request.form_fields(use_case, window=False)
    with DAG(**policy.dag_arguments(use_case, "canary", __doc__), schedule=timetable, params=form):

        @task.branch(on_success_callback=[notifiers.AlertNotifier(use_case.name)])
        def judge(**context: Any) -> list[str] | None:
            from include.steps.adoption import guard
            from include.steps.release import canary as step
            from include.steps.release import shadow_queue

            night = request.night(context)
            guard.examine(use_case.name, night)
            next_steps = step.advance(use_case.name, night), shadow_queue.examine(use_case.name, night)
            return [each for each in next_steps if each] or None

        @task(outlets=[request.asset(use_case, assets.CHALLENGER)])
        def request_approvals(**context: Any) -> None:
            from include.steps.release import canary as step

            request.set_outlet_partitions(context, step.trained_night(use_case.name))

        @task(outlets=[request.asset(use_case, assets.CHALLENGER)])
        def release_undecided(**context: Any) -> None:
            from include.steps.release import shadow_queue

            night = shadow_queue.released_night(use_case.name, request.night(context))
            request.set_outlet_partitions(context, night)

        @task(outlets=[request.asset(use_case, assets.CHAMPION)])
        def announce_champion(**context: Any) -> None:
            request.set_outlet_partitions(context)

        judge() >> [request_approvals(), release_undecided(), announce_champion()]


for each in usecases.models():
    declare(each)
