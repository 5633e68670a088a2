"""What a run was asked for: the form a person fills in, and the nights that a run is about."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, AssetWatcher, Param

from include import assets, usecases
from ml.errors import RequestError
from ml.usecase import Permission, UseCase, periods
from ml.usecase.periods import Period

_WINDOW = r"^\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2}$"


def form_fields(use_case: UseCase, *, window: bool = True) -> dict[str, Param]:
    """Return the fields that a person sees: this use case, a night, and a window where a stage takes one."""
    fields = {
        **use_case_field(use_case),
        "night": Param(
            None,
            type=["null", "string"],
            format="date",
            description=f"The night to run: {use_case.horizon.cadence_text}, {use_case.horizon.hour:02}:00 {use_case.horizon.timezone}. "
            "It wins over the run's partition key.",
        ),
    }
    if window:
        fields["window"] = Param(
            None,
            type=["null", "string"],
            pattern=_WINDOW,
            description="Instead of a night, many at once, both ends included: 2013-01-01..2013-01-31.",
        )
    return fields


def use_case_field(use_case: UseCase) -> dict[str, Param]:
    """Return the one field that every form begins with: the use case, of which a DAG has one."""
    return {"use_case": Param(use_case.name, type="string", enum=[use_case.name], description=use_case.question)}


def period(context: Mapping[str, Any]) -> str:
    """Return the period this run is about: the night or window asked for, or else the run's partition key.

    Raises RequestError for a field that the form does not have, for both a night and a window, for neither, and for a
    day that is no night of the use case.
    """
    requested = requested_period(context)
    if requested is None:
        raise RequestError("expected a night or a window, got neither: trigger the DAG again and fill in one of them")
    return str(requested)


def requested_period(context: Mapping[str, Any]) -> Period | None:
    """Return the period this run is about, or None when the run names none; raises RequestError as `period` does."""
    run, conf = context["dag_run"], form_values(context)
    values = [text for name in ("night", "window") if (text := conf.get(name))]
    if len(values) > 1:
        raise RequestError(f"expected a night or a window, got both ({values[0]} and {values[1]}): choose one")
    key = values[0] if values else run.partition_key
    return None if key is None else usecases.get(context["dag"].params["use_case"]).horizon.parse(key)


def form_values(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that were filled in; raises RequestError for one that the form does not have."""
    conf, fields = context["dag_run"].conf or {}, context["dag"].params
    if unknown := sorted(conf.keys() - fields.keys()):
        known = ", ".join(sorted(fields.keys()))
        raise RequestError(f"expected only the fields {known}; got {', '.join(unknown)}: leave that out")
    return conf


def night(context: Mapping[str, Any]) -> str:
    """Return the night this run is about; of a window, its last."""
    return str(periods.parse(period(context)).last)


def triggering_user(context: Mapping[str, Any]) -> str:
    """Return who triggered this run, "airflow" where nobody did."""
    return context["dag_run"].triggering_user_name or "airflow"


def check_permission(context: Mapping[str, Any], use_case: UseCase, permission: Permission) -> None:
    """Raise RequestError when a person triggered this run who may not ask for it; what nobody triggered may run."""
    if context["dag_run"].triggering_user_name:
        use_case.roles.check_permission(permission, triggering_user(context))


def set_outlet_partitions(context: Mapping[str, Any], key: str | None = None) -> None:
    """Give the events of this task's outlets the run's period as their key, also when it was asked for by a field.

    Another `key` goes before it.
    """
    for outlet in context["task"].outlets:
        context["outlet_events"][outlet].add_partitions(key or period(context))


def asset(use_case: UseCase, stage: str, *watchers: AssetWatcher) -> Asset:
    """Return the asset by which one DAG of a use case, or a watcher, starts the next."""
    return Asset(name=assets.name(use_case.name, stage), uri=assets.uri(use_case.name, stage), watchers=list(watchers))
