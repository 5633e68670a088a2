"""# Intraday: publish live features of what became known since the night

**What for.** A use case with a live horizon scores each entity some hours before its event, from the features as of
then. This DAG ingests and validates what became known since the last night's cutoff, and publishes a snapshot of
tonight's entities. An entity whose live cutoff has passed has its features as of that cutoff, as training will read
them; the others have theirs as of now.

**What starts it.** The clock, every fifteen minutes. A person, from the UI, for a `moment` in the time of the data.
`ratchet intraday` does the same when Airflow is not available.

**What it leaves.** Rows in `intraday/<table>`; rows that break the contract in `intraday_held/<table>`, with an alert;
and a live snapshot, of which the newest two are kept. The nightly tables are not touched: the next night's files
contain the same rows and make them permanent. Running it again leaves the same state; an earlier moment removes
nothing.

**When it is red.** `DataError`: the use case's source could not land the data. `DeclarationError`: the use case
contradicts itself; `ratchet check` says where. Nothing is lost: servers keep their snapshot, and the next run ingests
everything since the night.
"""

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, task
from ratchet import policy, request

from include import usecases
from ml.errors import RequestError
from ml.usecase import UseCase


def requested_moment(context: dict[str, Any]) -> datetime:
    """Return the moment of this run: the one that a person requested, or the time for which it was scheduled."""
    text = request.form_values(context).get("moment")
    moment = datetime.fromisoformat(text) if text else context["dag_run"].logical_date
    if moment is None or moment.tzinfo is None:
        raise RequestError("expected a moment with a time zone (2013-02-08T14:15:00Z), got none: fill in the field")
    return request.past_moment(moment) if text else moment


def declare(use_case: UseCase) -> None:
    """Define the DAG of one use case."""
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
    if each.lives:
        declare(each)
