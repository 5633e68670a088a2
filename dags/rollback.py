"""# Rollback: back to the last champion, now

**What for.** The model that answers is worse than the one before it, and a person has seen it first. While a challenger
is being released, its release is aborted and the champion stays; else the last champion that nobody was rolled back from is champion
again. Servers follow within a second; they have it loaded.

**What starts it.** A person, from the UI, with a reason. `ratchet rollback` does the same where Airflow is away.

**What it leaves.** An entry in the ledger with who asked and why, servers and registry that follow it, and an alert.

**When it is red.** `RequestError`: there is nothing to go back to, or the reason is too short to be one. The last line
says which.
"""

from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import notifiers, policy, request

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    form = {
        **request.use_case_field(use_case),
        "why": Param(type="string", minLength=10, description="What is wrong with the model that answers now."),
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


for each in usecases.all():
    declare(each)
