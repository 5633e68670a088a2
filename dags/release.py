"""# Release: two people decide whether the challenger may answer

**What for.** The package is tested once more as it would be served. Then the challenger answers a copy of every request,
and nobody gets it; once there are enough of them, two people of different roles are asked. If both say yes to these very bytes, it
answers for a small share of the entities, which `canary` lets grow; the champion changes when the last share was passed.

**What starts it.** The asset `challenger`: once when a challenger has earned it, once more when its shadow was
reviewed. A person, from the UI, for a `night` whose challenger earned a release. Each run goes on from where the ledger says
that the release stands.

**What it leaves.** The report of the acceptance tests in the ledger, every check with its number and bar; `shadow_started`;
both answers, signed; `traffic_shifted`, or, where there is no champion yet or the use case wants no canary, the new champion and the asset
`champion`. Of a package that fails an acceptance test nobody is asked: the rest is skipped, and the report says why. A
rejection ends the release: the old champion stays. Silence is a rejection after three days (`RATCHET_APPROVAL_HOURS`).

**To answer.** Log in as the role that is asked, open *Required actions*, read the evidence, choose. Nobody else can.
Answer both: the next release of the use case waits until this one has ended.

**When it is red.** `PackageError`: the bytes are not what was trained; train again. `ApprovalError` in `shift_traffic` or `promote`:
an answer is missing in the ledger, or is for other bytes or other evidence. Marking tasks as successful does not help, and
is not meant to: clear the approval tasks and ask again. `LedgerError`: another model became champion meanwhile; train again.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, task
from ratchet import policy, request
from ratchet.approvals import RoleApproval

from include import assets, usecases
from ml.usecase import Permission, UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
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

        wait = timedelta(hours=policy.approval_hours())
        approvals = [
            RoleApproval(task_id=f"approval_of_{role}", use_case=use_case.name, role=role, wait=wait)
            for role in use_case.release.approvers
        ]
        acceptance_tests() >> shadow() >> approvals >> shift_traffic() >> promote()


for each in usecases.all():
    declare(each)
