"""# Late labels: a label file landed after its night was ingested

**What for.** Labels come when they come: a file for a night that was taken already, another part of one, a correction, two
months of labels at once. It need not wait until somebody runs that night again.

**How.** A trigger in the triggerer lists the use case's landing area every 15 seconds, a folder or a prefix in a bucket, and
compares the files of the label table with what was ingested. It reads none of them, and takes no worker. A file counts once it
looks the same in two looks; each state of a file is reported once, also after a restart. Nights more than 31 before the
latest are looked at each hour. `ingest` ingests those nights again; `send_alerts` sends their alerts.

**What starts it.** The asset `late_labels`. A person, from the UI, to look at every night now.

**What it leaves.** The nights' tables as if their files had been there in time: rows, quarantine, labels, features of later
nights too. The trigger of `label_trigger` counts what is new. Published scores stay as published; a file with the bytes that were taken
changes nothing. Files of nights that were not taken yet wait for their night, and files of other tables for a person: rows to
be scored may be among them.

**When it is red.** As `ingest`: the task's last line says what was expected, what came and what to do; then clear it. A night
of which other files are no longer there is not taken without them. The same files are not reported again until they change.
"""

from typing import Any

from airflow.sdk import DAG, task
from ratchet import policy, request
from ratchet.late import LateLabelTrigger

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    late = policy.watched_asset(use_case, assets.LATE, LateLabelTrigger(use_case.name))
    with DAG(
        **policy.dag_arguments(use_case, "late_labels", __doc__),
        schedule=[late],
        params=request.use_case_field(use_case),
    ):

        @task
        def ingest(**context: Any) -> list[str]:
            from include.steps.ingest import late_files as step

            request.form_values(context)
            events = context["triggering_asset_events"].get(late, [])
            periods = {period for each in events for period in each.extra["payload"]["periods"]}
            return list(step.reingest(use_case.name, periods or None))

        @task
        def send_alerts(periods: list[str]) -> None:
            from include import notifications

            for each in periods:
                notifications.send_alerts(use_case.name, each)

        send_alerts(ingest())


for each in usecases.all():
    declare(each)
