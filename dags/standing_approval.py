"""# Standing approval: approve refreshes of one recipe in advance, within bounds

**What for.** Two people approve each model by default. Routine refreshes of a recipe may be approved once instead:
these people then approve a bounded policy, and the release of a model that it covers asks nobody. It changes who is
asked, and nothing about what evidence admits: gate, licence or allowance, acceptance tests, canary and guard stay.

**What starts it.** A person, from the UI, with the bounds and a reason. Run a backtest with the gate first: the
approvers see the latest one.

**What it leaves.** In the ledger, `standing_proposed` with the terms, and the signed answers. If both roles approve,
the standing approval is in force until it is exhausted, its last day has passed, it is revoked, a model that it let in
is rolled back, or the declared rules change. `ratchet standing-approval show` says what is left of it. A newer one
takes its place. To end it at once, trigger this DAG with `revoke`, or use `ratchet standing-approval revoke`.

**To answer.** Log in as the role that is asked, open *Required actions*, read the terms, and choose. No answer within
three days (`RATCHET_APPROVAL_HOURS`) counts as a rejection.

**When it is red.** `RequestError`: a bound is out of range, there is no champion or no declared adoption, the person
may not start a release, or the reason is too short. `ApprovalError`: an answer is missing in the ledger or invalid;
trigger the DAG again.
"""

from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import policy, request
from ratchet.approvals import StandingRoleApproval

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    adoption = use_case.adoption
    form = {
        **request.use_case_field(use_case),
        "adoptions": Param(6, type="integer", minimum=1, description="How many models may be adopted under it."),
        "nights_between": Param(7, type="integer", minimum=1, description="The least nights between two trainings."),
        "harm_budget": Param(
            adoption.harm_budget if adoption else 0.3,
            type="number",
            exclusiveMinimum=0,
            description="How much loss unproven models may cost beyond the last proven one, summed over nights.",
        ),
        "until": Param(
            None, type=["null", "string"], format="date", description="The last day (UTC), at most a year away."
        ),
        "revoke": Param(
            False, type="boolean", description="Revoke what is in force instead; the bounds do not matter."
        ),
        "why": Param(type="string", minLength=10, description="The reason, for the ledger and for the approvers."),
    }
    with DAG(**policy.dag_arguments(use_case, "standing_approval", __doc__), schedule=None, params=form):

        @task.short_circuit
        def propose(**context: Any) -> str | None:
            from include.steps.release import standing_request as step

            return step.handle(
                use_case.name, context["dag_run"].run_id, request.triggering_user(context), context["params"]
            )

        @task
        def grant(**context: Any) -> str:
            from include.steps.adoption import standing_proposal as step

            return step.require_granted(use_case.name, context["dag_run"].run_id).digest

        propose() >> StandingRoleApproval.of_all_roles(use_case) >> grant()


for each in usecases.models():
    declare(each)
