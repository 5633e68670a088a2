"""# Ingest: a night's files become valid rows, quarantined rows and features

**What for.** Every row that lands becomes either valid or quarantined with reasons; no row is lost. From the valid
rows, and only from those known by the night's cutoff, the DAG builds the features of the night's entities.

**What starts it.** The clock, at the use case's hour in its own time zone; the partition key is the night. A person,
from the UI, for one `night` or for a `window` of nights. Running a night again replaces it.

**How.** After downtime or a pause, a scheduled run first makes up for the nights that were missed, oldest first and one
at a time, as the use case declares (`CatchUp`: all by default). `find_missed_nights` computes them from the nights that
were ingested; each `make_up` starts `score` for its night. One that fails does not stop the others, nor this night.

**When files are late.** The night waits for its required files, without a worker, and starts as soon as they are there
and no longer change. An alert and the dashboard name what it waits for. After the use case's patience (`Arrival`, two
hours from the cutoff by default) the task fails.

**What it leaves.** Valid, quarantined and feature tables in the lake, and the asset `features` under the night's key,
which starts `score`.

**When it is red.** The task's last line says what was expected, what came and what to do. If a file did not come in
time, land it and clear the task. If a column was renamed or a file is damaged, fix it in the landing folder, or change
the contract in `schema.py`; then clear the task. If all files of a required table are quarantined, the other tables
were ingested, but the night has no features yet: to build them without that table, mark the task as successful.
Quarantined rows and files of other tables do not make a task red: the alerts and the quarantine table have their
reasons.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, PartitionedAtRuntime, TriggerRule, task
from ratchet import notifiers, policy, request
from ratchet.arrivals import IngestOperator
from ratchet.night_timetable import NightTimetable

from include import assets, usecases
from ml.usecase import UseCase


def timetable(use_case: UseCase) -> NightTimetable | PartitionedAtRuntime:
    """Return the schedule of the use case's nights; if schedules are off, one that never starts a run."""
    if not policy.schedules_enabled():
        return PartitionedAtRuntime()
    schedule = use_case.schedule
    return NightTimetable(
        schedule.cron,
        timezone=schedule.timezone,
        run_offset=0,
        key_format="%Y-%m-%d",
        run_immediately=timedelta(0),  # else a DAG unpaused within hours of the last night would start it
    )


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
    shared = policy.dag_arguments(use_case, "ingest", __doc__)
    with DAG(**shared, schedule=timetable(use_case), params=request.form_fields(use_case)):
        night = IngestOperator(
            task_id="ingest",
            use_case=use_case.name,
            on_success_callback=[notifiers.AlertNotifier(use_case.name)],
            trigger_rule=TriggerRule.ALL_DONE,  # a missed night that fails again does not stop this one
        )

        @task(outlets=[request.asset(use_case, assets.FEATURES)])
        def features(**context: Any) -> int:
            from include.steps.features import build as step

            request.set_outlet_partitions(context)
            return step.build(use_case.name, request.period(context))

        night >> features()
        if policy.schedules_enabled():
            _catch_up(use_case) >> night


def _catch_up(use_case: UseCase) -> Any:
    """Define the tasks that make up for missed nights, one after the other, before the night of a scheduled run."""

    @task
    def find_missed_nights(**context: Any) -> list[str]:
        from include.steps import missed_nights as step

        is_scheduled = context["dag_run"].run_type == "scheduled"
        return step.choose(use_case.name, request.period(context)) if is_scheduled else []

    @task(
        outlets=[request.asset(use_case, assets.FEATURES)],
        max_active_tis_per_dagrun=1,
        map_index_template="{{ task.op_kwargs.night }}",
    )
    def make_up(night: str, **context: Any) -> int:
        from include.steps import missed_nights as step

        request.set_outlet_partitions(context, night)
        return step.make_up(use_case.name, night)

    return make_up.expand(night=find_missed_nights())


for each in usecases.all():
    declare(each)
