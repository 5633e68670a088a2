"""# Quarantine: validate quarantined rows and files again

**What for.** After a fix of the contract in `schema.py`, or of a file in the landing area, this DAG ingests the nights
with quarantined rows or files again. Rows that now satisfy the contract become valid; features and labels follow.

**What starts it.** A person, from the UI, for one `night`, for a `window` of nights, or with neither for every night
with quarantined rows or files. `ratchet quarantine list` shows these.

**What it leaves.** The nights' tables as a first run with the fixed files and contract would have left them. Alerts
that no longer hold are removed, and the ledger has an entry for each night whose result changed. Published scores do
not change. Rows that became valid have no scores yet: the task's log says for which nights to trigger `score`.

**When it is red.** As for `ingest`, the task's last line says what was expected, what came and what to do. Earlier
nights are done; run it again.
"""

import logging
from typing import Any

from airflow.sdk import DAG, task
from ratchet import policy, request

from include import usecases
from ml.usecase import UseCase

_log = logging.getLogger(__name__)


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
    with DAG(
        **policy.dag_arguments(use_case, "quarantine", __doc__), schedule=None, params=request.form_fields(use_case)
    ):

        @task
        def reprocess(**context: Any) -> list[dict[str, Any]]:
            from dataclasses import asdict

            from include.steps.ingest import quarantine as step

            period = request.requested_period(context)
            ends = (period.first, period.last) if period else (None, None)
            reprocessed = step.reprocess(use_case.name, *ends)
            _log.info(step.describe_unscored(use_case.name, reprocessed) or "no row became valid")
            return [asdict(each) for each in reprocessed]

        reprocess()


for each in usecases.all():
    declare(each)
