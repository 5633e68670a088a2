"""# Rollback: return to the previous champion now

**What for.** A person has noticed that the current model is worse than the one before it. During a release, the release
is aborted and the champion stays. Otherwise the last champion that was not itself rolled back becomes champion again.
Servers follow within a second, because they have it loaded.

**What starts it.** A person, from the UI, with a reason. `ratchet rollback` does the same without Airflow.

**What it leaves.** A ledger entry with the person and the reason; servers and the registry follow it; and an alert.

**When it is red.** `RequestError`: there is nothing to roll back to, the person may not roll back, or the reason is too
short. The last line says which.
"""

from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import notifiers, policy, request

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    form = {
        **request.use_case_field(use_case),
        "why": Param(type="string", minLength=10, description="What is wrong with the current model."),
    }
    with DAG(**policy.dag_arguments(use_case, "rollback", __doc__), schedule=None, params=form):

        @task(on_success_callback=[notifiers.AlertNotifier(use_case.name)])
        def roll_back(**context: Any) -> str:
            from include.steps.release import rollback as step

            run = context["dag_run"]
            return step.roll_back(
                use_case.name, request.triggering_user(context), context["params"]["why"], run.run_id
            ).subject

        roll_back()


for each in usecases.models():
    declare(each)
