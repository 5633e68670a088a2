"""# Intraday: what became known since the night, for live answers

**What for.** A use case with a live horizon answers some hours before each event, from features as of then. Here what became known
since the last night's cutoff is landed and judged by its contract, and a snapshot is made of tonight's entities: one whose live cutoff has
passed has in it what it had at that cutoff, as training will read it; the others what is known by now.

**What starts it.** The clock, every fifteen minutes. A person, from the UI, for a `moment` in the time of the data. `ratchet intraday`
does the same where Airflow is away.

**What it leaves.** Rows in `intraday/<table>`, those that break the contract in `intraday_held/<table>` with an alert; a live snapshot, the newest two kept. Tables of the night are not touched: the same rows come again, for good, with the next night's files. Run
again, it leaves the same; an earlier moment takes nothing back.

**When it is red.** `DataError`: the use case's source could not land what is known. `DeclarationError`: the use case contradicts itself;
`ratchet check` says where. Nothing is lost: servers keep the snapshot that they have, and the next run takes everything since the night.
"""

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, task
from ratchet import policy, request

from include import usecases
from ml.errors import RequestError
from ml.usecase import UseCase


def requested_moment(context: dict[str, Any]) -> datetime:
    """Return the moment that this run is about: what a person asked for, or the instant of its timetable."""
    text = request.form_values(context).get("moment")
    moment = datetime.fromisoformat(text) if text else context["dag_run"].logical_date
    if moment is None or moment.tzinfo is None:
        raise RequestError("expected a moment with a time zone (2013-02-08T14:15:00Z), got none: fill in the field")
    return moment


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    moment = Param(None, type=["null", "string"], format="date-time", description="A moment in the time of the data.")
    form = {**request.use_case_field(use_case), "moment": moment}
    timetable = CronTriggerTimetable("*/15 * * * *", timezone="UTC") if policy.schedules_enabled() else None
    with DAG(**policy.dag_arguments(use_case, "intraday", __doc__), schedule=timetable, catchup=False, params=form):

        @task
        def refresh(**context: Any) -> int:
            from include.steps.ingest import intraday as step

            return step.refresh(use_case.name, requested_moment(context))

        refresh()


for each in usecases.all():
    if each.live is not None:
        declare(each)
