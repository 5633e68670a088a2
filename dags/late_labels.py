"""# Late labels: ingest files that landed after their night

**What for.** Files may arrive after their night was ingested: late labels, another part, a correction, or two months at
once. This DAG ingests label files without a person having to run the night again. For files of other tables it raises
an alert that offers to, or ingests them too if the use case declares `Arrival(late="ingest")`.

**How.** A trigger in the triggerer lists the use case's landing area, a folder or a bucket prefix, every 15 seconds,
and compares the files with those that were ingested. It reads no file and uses no worker. A file
counts once it is unchanged in two consecutive scans; each state of a file is reported once, also across restarts.
Nights more than 31 before the latest are scanned once an hour. `ingest` ingests the nights again; `send_alerts` sends
their alerts.

**What starts it.** The asset `late_labels`. A person, from the UI, to scan every night now.

**What it leaves.** The nights' tables as if the files had been there in time: rows, quarantine, labels, and the
features of later nights. `label_trigger` counts the new labels. Published scores do not change, and a file whose bytes
were ingested before changes nothing. Files of nights that were not ingested yet wait for their night. If a night that
was ingested again has entities without a score, `score_new_entities` starts `score` for it.

**When it is red.** As for `ingest`, the task's last line says what was expected, what came and what to do; then clear
it. A night is not ingested again while any of its earlier files is missing. The same files are not reported again until
they change.
"""

from typing import Any

from airflow.sdk import DAG, task
from ratchet import policy, request
from ratchet.late import LateLabelTrigger

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
    late = policy.watched_asset(use_case, assets.LATE, LateLabelTrigger(use_case.name))
    with DAG(
        **policy.dag_arguments(use_case, "late_labels", __doc__),
        schedule=[late],
        params=request.use_case_field(use_case),
    ):

        @task
        def ingest(**context: Any) -> list[str]:
            from include import notifications
            from include.steps.ingest import late_files as step

            request.form_values(context)
            events = context["triggering_asset_events"].get(late, [])
            periods = {period for each in events for period in each.extra["payload"]["periods"]} or None
            for each in step.offer(use_case.name, periods):
                notifications.send_alerts(use_case.name, each, kind=step.LATE_FILES)
            return list(step.reingest(use_case.name, periods))

        @task
        def send_alerts(periods: list[str]) -> None:
            from include import notifications

            for each in periods:
                notifications.send_alerts(use_case.name, each)

        @task
        def find_unscored(periods: list[str]) -> list[str]:
            from include.steps.score import score as step

            return [each for each in periods if step.unscored(use_case.name, each)]

        @task(outlets=[request.asset(use_case, assets.FEATURES)], map_index_template="{{ task.op_kwargs.period }}")
        def score_new_entities(period: str, **context: Any) -> None:
            request.set_outlet_partitions(context, period)

        periods = ingest()
        send_alerts(periods)
        score_new_entities.expand(period=find_unscored(periods))


for each in usecases.all():
    declare(each)
