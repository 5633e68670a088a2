"""# Prune: remove what is past its retention and not needed any more

**What for.** Files, tables, packages and logs grow with every night. This DAG removes what is older than the use case
declares (`Retention`), except what a live or released package, a running release or a trigger needs. The logs of tasks
and processes, and Airflow's database if this process may open it, are pruned after `RATCHET_LOG_DAYS`.

**What starts it.** The clock, on Sundays. A person, from the UI. `ratchet prune --dry-run` shows what it would remove.

**What it leaves.** A ledger entry with the number of items and bytes of each part, and the packages that are gone; none
if nothing was removed. It raises no alert, and removes no entry of the ledger.

**When it is red.** It can be run again at any time: it continues where it was interrupted. `SetupError`: a store or
`airflow db clean` failed; the last line says which and why.
"""

import logging

from airflow.sdk import DAG, CronTriggerTimetable, task
from ratchet import policy

from include import usecases
from ml.usecase import UseCase

_log = logging.getLogger(__name__)


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
    timetable = CronTriggerTimetable("0 7 * * 0", timezone="UTC") if policy.schedules_enabled() else None
    with DAG(**policy.dag_arguments(use_case, "prune", __doc__), schedule=timetable, catchup=False):

        @task
        def prune() -> dict[str, int]:
            from include.steps import prune as step

            plans = {model.name: step.prune(model.name) for model in use_case.models}
            return {f"{name}: {each.part}": each.removed_count for name in plans for each in plans[name]}

        @task
        def prune_logs() -> dict[str, int]:
            from datetime import UTC, datetime

            from include import installation
            from include.steps.prune import installation as step

            pruned = step.prune(installation.current(), datetime.now(UTC))
            if pruned.database_cleaned is None:
                _log.info("Airflow's database is not pruned from here: run `ratchet prune` beside the scheduler")
            return {each.part: each.removed_count for each in pruned.plans}

        prune() >> prune_logs()


for each in usecases.all():
    declare(each)
