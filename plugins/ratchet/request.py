"""The parameters of a run: the form that a person fills in, and the night or window of the run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, AssetWatcher, Param

from include import assets, usecases
from ml.errors import RequestError
from ml.usecase import Permission, UseCase, periods
from ml.usecase.periods import Period

_SCHEDULED, _BY_ASSET = "scheduled", "asset_triggered"
_CLOCK_DIFFERENCE = timedelta(minutes=5)  # between two machines: a run that follows a night may start at its cutoff
_WINDOW = r"^\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2}$"


def form_fields(use_case: UseCase, *, window: bool = True) -> dict[str, Param]:
    """Return the fields of the form: this use case, a night, and, if `window`, a window of nights."""
    fields = {
        **use_case_field(use_case),
        "night": Param(
            None,
            type=["null", "string"],
            format="date",
            description=f"The night to run: {use_case.schedule.cadence_text}, {use_case.schedule.hour:02}:00 "
            f"{use_case.schedule.timezone}. It takes precedence over the run's partition key.",
        ),
    }
    if window:
        fields["window"] = Param(
            None,
            type=["null", "string"],
            pattern=_WINDOW,
            description="Instead of one night, several at once, both ends included: 2013-01-01..2013-01-31.",
        )
    return fields


def use_case_field(use_case: UseCase) -> dict[str, Param]:
    """Return the first field of every form: the use case of the DAG, its only choice."""
    return {"use_case": Param(use_case.name, type="string", enum=[use_case.name], description=use_case.question)}


def period(context: Mapping[str, Any]) -> str:
    """Return the period of this run: the requested night or window, or else the run's partition key.

    Raises RequestError for an unknown field, for both a night and a window, for neither, for a date that is no night of
    the use case, and for a night that is still to come.
    """
    requested = requested_period(context)
    if requested is None:
        raise RequestError("expected a night or a window, got neither: trigger the DAG again and fill in one of them")
    return str(requested)


def requested_period(context: Mapping[str, Any]) -> Period | None:
    """Return the period of this run, or None if it names none; otherwise raises RequestError as `period` does."""
    run, conf = context["dag_run"], form_values(context)
    values = [text for name in ("night", "window") if (text := conf.get(name))]
    if len(values) > 1:
        raise RequestError(f"expected a night or a window, got both ({values[0]} and {values[1]}): choose one")
    key = values[0] if values else run.partition_key
    return None if key is None else past_period(context, key)


def past_period(context: Mapping[str, Any], text: str) -> Period:
    """Return the period that `text` describes; raises RequestError if it is none, or if it is still to come.

    A run that the timetable started is due by Airflow's clock, which is not compared with that of the worker.
    """
    schedule = usecases.get(context["dag"].params["use_case"]).schedule
    requested = schedule.parse(text)
    origin = getattr(context["dag_run"], "run_type", None)
    if origin == _SCHEDULED:
        return requested
    return schedule.check_reached(requested, _now() + (_CLOCK_DIFFERENCE if origin == _BY_ASSET else timedelta(0)))


def past_moment(moment: datetime) -> datetime:
    """Return `moment`; raises RequestError if it is still to come."""
    if moment > _now() + _CLOCK_DIFFERENCE:
        raise RequestError(f"expected a moment that has passed, got {moment.isoformat()}: use an earlier one")
    return moment


def _now() -> datetime:
    return datetime.now(UTC)


def form_values(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that were filled in; raises RequestError for a field that the form does not have."""
    conf, fields = context["dag_run"].conf or {}, context["dag"].params
    if unknown := sorted(conf.keys() - fields.keys()):
        known = ", ".join(sorted(fields.keys()))
        raise RequestError(f"expected only the fields {known}; got {', '.join(unknown)}: leave that out")
    return conf


def night(context: Mapping[str, Any]) -> str:
    """Return the night of this run; for a window, its last night."""
    return str(periods.parse(period(context)).last)


def triggering_user(context: Mapping[str, Any]) -> str:
    """Return the user who triggered this run, or "airflow" if no user did."""
    return context["dag_run"].triggering_user_name or "airflow"


def use_case_of(context: Mapping[str, Any]) -> str | None:
    """Return the use case of this DAG, which is one of its tags and the beginning of its id; None for other DAGs."""
    dag = context["dag"]
    return next((each for each in sorted(dag.tags, key=len) if dag.dag_id.startswith(f"{each}_")), None)


def check_permission(context: Mapping[str, Any], use_case: UseCase, permission: Permission) -> None:
    """Raise RequestError if the user who triggered this run lacks the permission; a run without a user may proceed."""
    if context["dag_run"].triggering_user_name:
        use_case.roles.check_permission(permission, triggering_user(context))


def set_outlet_partitions(context: Mapping[str, Any], key: str | None = None) -> None:
    """Set the partition key of this task's outlet events to `key` or, by default, to the period of the run.

    The period counts also when it comes from a field of the form instead of the run's partition key.
    """
    for outlet in context["task"].outlets:
        context["outlet_events"][outlet].add_partitions(key or period(context))


def starts_by_asset(context: Mapping[str, Any]) -> bool:
    """Return whether an asset started this run."""
    return getattr(context["dag_run"], "run_type", None) == _BY_ASSET


def data_asset(use_case: UseCase, stage: str) -> Asset:
    """Return the asset of a stage of the data, which the models of all horizons share."""
    return Asset(name=assets.name(use_case.dataset, stage), uri=assets.uri(use_case.dataset, stage))


def asset(use_case: UseCase, stage: str, *watchers: AssetWatcher) -> Asset:
    """Return the asset by which one DAG of a use case, or a watcher, starts the next."""
    return Asset(name=assets.name(use_case.name, stage), uri=assets.uri(use_case.name, stage), watchers=list(watchers))
