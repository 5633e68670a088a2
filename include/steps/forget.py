"""Forget a use case: remove all of its data, and let the next run begin anew. Other use cases are not touched.

The ledger entry comes first: from then on, earlier entries no longer count, and everything else is only left over. A
run that was interrupted is completed by repeating it, without a second entry.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from include import usecases
from include.installation import Installation
from include.settings import Settings
from include.steps import airflow_database, justification
from include.steps.migrate import activity
from include.steps.prune import training_parts
from include.stores import ledger, packages, report_paths, routing_store, warehouse
from include.stores.files import object_trees
from include.stores.registry import removal
from include.stores.warehouse import retention as rows_by_night
from ml.errors import RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Forgotten
from ml.usecase import model_names

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgottenPart:
    """A part of the use case that was removed, and the number of its items; None for Airflow's records."""

    name: str
    items: int | None


def check_name(use_case: str) -> None:
    """Raise RequestError unless `use_case` can be the name of a use case; its folder may be gone already."""
    if not _NAME.fullmatch(use_case):
        raise RequestError(f"expected the name of a use case, in lower case, got {use_case!r}")


def forget(
    installation: Installation,
    use_case: str,
    who: str,
    why: str,
    *,
    landing: bool = False,
    assume_idle: bool = False,
) -> Iterator[ForgottenPart]:
    """Remove everything of `use_case` and yield each part; landed files only with `landing`.

    Raises RequestError for a name that is none or a missing justification, and SetupError when something of the use
    case runs (unless `assume_idle`).
    """
    check_name(use_case)
    justification.check("to forget a use case", who, why)
    settings = installation.settings
    recorded = ledger.models(warehouse.engine(settings.warehouse_url), use_case)
    names = tuple(sorted({use_case, *recorded, *_declared(use_case)}))
    if not assume_idle:
        activity.check_models_idle(installation, names)
    for name in sorted({use_case, *recorded}):
        _record(settings, name, Forgotten(who=who, why=why, landing=landing))
    parts = [_parts(settings, name, landing=landing) for name in names]  # each has the same parts
    for part in parts[0]:
        yield ForgottenPart(name=part, items=sum(each[part]() for each in parts))
    if airflow_database.delete_dags(installation, [dag for name in names for dag in airflow_database.dag_ids(name)]):
        yield ForgottenPart(name="Airflow's runs", items=None)


def _declared(use_case: str) -> list[str]:
    """Return the names of the models that the use case declares, if it can be read."""
    return [each for each in usecases.names_of_models() if model_names.dataset_of(each) == use_case]


def _record(settings: Settings, use_case: str, payload: Forgotten) -> None:
    engine = warehouse.engine(settings.warehouse_url)
    last = ledger.last_forgotten(engine, use_case)
    if last is None or (payload.landing and not ledger_entries.read(last, Forgotten).landing):
        ledger.append(
            engine,
            kind=EntryKind.FORGOTTEN,
            use_case=use_case,
            night=None,
            subject=use_case,
            payload=payload,
            key=f"{use_case}:{EntryKind.FORGOTTEN}",
        )


def _parts(settings: Settings, use_case: str, *, landing: bool) -> dict[str, Callable[[], int]]:
    """Return the functions that remove each part, in order: what refers to others goes before them."""

    def tree(address: Path | str) -> Callable[[], int]:
        return lambda: object_trees.remove_tree(address)

    lake, landed = (f"{each.rstrip('/')}/{use_case}" for each in (settings.lake, settings.landing))
    return {
        "routing": tree(routing_store.path_of(settings.routes, use_case)),
        "snapshots and feature store": tree(settings.feature_store / use_case),
        "prediction log": tree(settings.prediction_log / use_case),
        "page of the demo run": lambda: _remove_run_page(settings, use_case),
        "reports": tree(settings.reports / use_case),
        "backtest reports": tree(report_paths.backtests(settings.reports, use_case)),
        "backtests": tree(settings.backtests / use_case),
        "candidate files": tree(settings.candidate_files / use_case),
        "tuning studies": tree(settings.studies / use_case),
        "MLflow runs and versions": lambda: removal.remove_use_case(settings, use_case),
        "packages": lambda: _remove_packages(settings, use_case),
        "warehouse rows": lambda: rows_by_night.delete_use_case(warehouse.engine(settings.warehouse_url), use_case),
        "lake": tree(lake),
        "task logs": lambda: _remove_task_logs(settings, use_case),
        **({"landing": tree(landed)} if landing else {}),
    }


def _remove_run_page(settings: Settings, use_case: str) -> int:
    """Remove the page of the last demo run if it was of this use case."""
    try:
        shown = json.loads((settings.reports / "run.json").read_text())["use_case"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    names = ("index.html", "run.json") if shown == use_case else ()
    object_trees.remove(settings.reports, names)
    return len(names)


def _remove_packages(settings: Settings, use_case: str) -> int:
    folders = [folder for folder, _ in training_parts.package_folders(settings.packages, use_case)]
    for folder in folders:
        packages.remove(settings.packages, folder.name)
    packages.remove_leftovers(settings.packages)
    return len(folders)


def _remove_task_logs(settings: Settings, use_case: str) -> int:
    logs = settings.airflow_home / "logs"
    return sum(object_trees.remove_tree(logs / f"dag_id={dag_id}") for dag_id in airflow_database.dag_ids(use_case))
