"""Nights that never ran: an alert for each, and which of them the next scheduled night makes up for."""

from datetime import date, datetime, timedelta

from include.steps import ingest
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.ingest import required_tables
from include.stores import night_gaps, warehouse
from include.stores.warehouse import Alert
from ml.usecase import periods

MISSED, UNSCORED = "night_missed", "night_without_scores"
_KINDS = (MISSED, UNSCORED)
_SETTLED = timedelta(days=400)  # older alerts of these kinds stay as they are


def choose(use_case: str, night: str) -> list[str]:
    """Return the missed nights, oldest first, that the scheduled run of `night` makes up for before its own.

    They are computed from the nights that were ingested, so the result is the same after any interruption. Raises an
    alert for every missed night; ingesting it withdraws the alert.
    """
    context = StepContext.load(use_case)
    present = periods.parse(night).first
    missed = context.case.schedule.missed(night_gaps.ingested_nights(context.engine, context.case), present)
    for each in missed:
        warehouse.raise_alert(context.engine, _missed_alert(context, each))
    return [str(each) for each in context.case.catch_up.choose(missed)]


def make_up(use_case: str, night: str) -> int:
    """Ingest a missed night, build its features and return how many entities they have.

    Raises what the steps raise, and DataError when nothing of a required table was ingested.
    """
    context = StepContext.load(use_case)
    ingest.ingest(use_case, night)
    required_tables.check(use_case, night)
    entities = build.build(use_case, night)
    warehouse.withdraw_alerts(context.engine, [_missed_alert(context, periods.parse(night).first)])
    return entities


def check(use_case: str, moment: datetime) -> list[str]:
    """Raise an alert for each due night without a run or without scores, withdraw the others, return the new ones.

    Scores are due at every horizon, a live one's once its night is complete; runs are those of the data.
    """
    context = StepContext.load(use_case)
    models = (StepContext(case=each, settings=context.settings) for each in context.case.models)
    return [message for each in models for message in _check_model(each, moment)]


def _check_model(context: StepContext, moment: datetime) -> list[str]:
    gaps, name = night_gaps.find(context.engine, context.case, moment), context.case.name
    without_run = gaps.without_run if name == context.case.dataset else ()
    wanted = {
        *(_missed_alert(context, each) for each in without_run),
        *(_unscored_alert(context, each) for each in gaps.without_scores),
    }
    present = {
        each for each in warehouse.alerts(context.engine, name, (moment - _SETTLED).date()) if each.kind in _KINDS
    }
    warehouse.withdraw_alerts(context.engine, present - wanted)
    new = sorted(wanted - present, key=lambda each: (each.night, each.kind))
    for alert in new:
        warehouse.raise_alert(context.engine, alert)
    return [each.message for each in new]


def _missed_alert(context: StepContext, night: date) -> Alert:
    name = context.case.name
    message = (
        f"the night {night} was not ingested: nothing ran at its cutoff, or its run failed. The next scheduled night "
        f"makes up for it if CatchUp allows; or trigger the DAG {name}_ingest for it"
    )
    return Alert(use_case=name, night=night, kind=MISSED, subject="run", message=message)


def _unscored_alert(context: StepContext, night: date) -> Alert:
    name = context.case.name
    message = (
        f"the night {night} was ingested, but it has no scores: look at the runs of the DAGs "
        f"{context.case.dataset}_ingest and {name}_score for it, and clear what failed"
    )
    return Alert(use_case=name, night=night, kind=UNSCORED, subject="scores", message=message)
