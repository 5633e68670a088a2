"""# Release: test the challenger, and ask two people for approval

**What for.** The package is tested as it would be served. Then the challenger answers copies of all requests as a
shadow. Once it has answered enough of them, two people of different roles are asked for approval. If both approve this
package, it serves a small share of the entities, which `canary` increases; it becomes champion after the last share.

**What starts it.** The asset `challenger`: when a challenger has earned a release, and again when its shadow was
reviewed. A person, from the UI, for a `night` whose challenger earned a release. Each run continues from the state that
the ledger records.

**What it leaves.** In the ledger, the acceptance test report with every check, its number and bar; `shadow_started`;
both signed answers; and `traffic_shifted`. If there is no champion yet, or the use case declares no canary, it promotes
the challenger directly and updates the asset `champion`. If an acceptance test fails, nobody is asked: the rest is
skipped, and the report gives the reason. A rejection ends the release, and the champion stays. No answer within three
days (`RATCHET_APPROVAL_HOURS`) counts as a rejection.

**To answer.** Log in as the role that is asked, open *Required actions*, read the evidence, and choose. Nobody else can
answer. Both roles must answer: the next release of the use case waits until this one has ended.

**When it is red.** `PackageError`: the package is not the one that was trained; train again. `ApprovalError` in
`shift_traffic` or `promote`: an answer is missing in the ledger, or belongs to another package or other evidence.
Marking tasks as successful does not help, by design: clear the approval tasks and ask again. `LedgerError`: another
model became champion meanwhile; train again.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, task
from ratchet import policy, request
from ratchet.approvals import RoleApproval

from include import assets, usecases
from ml.usecase import Permission, UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    challenger = request.asset(use_case, assets.CHALLENGER)
    timetable = PartitionedAssetTimetable(assets=challenger, default_partition_mapper=IdentityMapper())
    form = request.form_fields(use_case, window=False)
    with DAG(**policy.dag_arguments(use_case, "release", __doc__), schedule=timetable, params=form):

        @task.short_circuit
        def acceptance_tests(**context: Any) -> str | None:
            from include.steps import release as step

            request.check_permission(context, use_case, Permission.RELEASE)
            return step.run_acceptance_tests(use_case.name, request.night(context))

        @task.short_circuit
        def shadow(**context: Any) -> bool:
            from include.steps import release as step

            return step.shadow(use_case.name, request.night(context))

        @task.short_circuit
        def shift_traffic(**context: Any) -> bool:
            from include.steps import release as step

            return step.shift_traffic(use_case.name, request.night(context))

        @task(outlets=[request.asset(use_case, assets.CHAMPION)])
        def promote(**context: Any) -> str:
            from include.steps import release as step

            request.set_outlet_partitions(context)
            return step.promote(use_case.name, request.night(context))

        acceptance_tests() >> shadow() >> RoleApproval.of_all_roles(use_case) >> shift_traffic() >> promote()


for each in usecases.models():
    declare(each)
