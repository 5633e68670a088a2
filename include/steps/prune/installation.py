"""Prune what all use cases share: the logs of tasks and processes, and Airflow's database, by days from now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from include.installation import Installation
from include.steps import airflow_database
from include.stores.files import atomic, object_trees
from ml.governance import pruning
from ml.governance.pruning import PruneItem, PrunePlan

_LONGEST_LOG, _KEPT_TAIL = 10_000_000, 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationPrune:
    """The plans for the logs, and whether Airflow's database was cleaned; None if there is none to clean."""

    plans: tuple[PrunePlan, ...]
    database_cleaned: bool | None


def prune(installation: Installation, now: datetime, *, dry_run: bool = False) -> InstallationPrune:
    """Remove task logs and the records of Airflow's database after `Settings.log_days`, and shorten long process logs.

    Raises SetupError when `airflow db clean` fails; the logs are pruned then.
    """
    settings, before = installation.settings, now - timedelta(days=installation.settings.log_days)
    task_logs, process_logs = settings.airflow_home / "logs", settings.home / "logs"
    task_plan = pruning.plan("task logs", _log_files(task_logs), before.date())
    long_logs = _long_logs(process_logs)
    if not dry_run:
        object_trees.remove(task_logs, [each.name for each in task_plan.removed])
        for each in long_logs:
            shorten(process_logs / each.name)
    return InstallationPrune(
        plans=(task_plan, _process_plan(process_logs, long_logs)),
        database_cleaned=_clean(installation, before, dry_run),
    )


def shorten(log: Path) -> None:
    """Move the end of `log` to the file with the suffix `.1`, and empty `log` in place.

    Its writer appends, so that it goes on at the new end. What it writes in between is lost.
    """
    with log.open("r+b") as file:
        file.seek(-min(_KEPT_TAIL, log.stat().st_size), 2)
        atomic.write(log.with_name(f"{log.name}.1"), file.read())
        file.truncate(0)


def _clean(installation: Installation, before: datetime, dry_run: bool) -> bool | None:
    if airflow_database.address(installation) is None:
        return None
    return False if dry_run else airflow_database.clean(installation, before)


def _log_files(folder: Path) -> list[PruneItem]:
    """Return the files below `folder`, each with the day of its last change."""
    return [
        PruneItem(name=name, night=_day(folder / name), size_bytes=size)
        for name, size in sorted(object_trees.sizes(folder).items())
    ]


def _long_logs(folder: Path) -> list[PruneItem]:
    return [each for each in _log_files(folder) if each.name.endswith(".log") and each.size_bytes > _LONGEST_LOG]


def _process_plan(folder: Path, long_logs: Sequence[PruneItem]) -> PrunePlan:
    items = _log_files(folder)
    return PrunePlan(
        part="process logs",
        first_kept=None,
        total=len(items),
        total_bytes=sum(each.size_bytes for each in items),
        oldest=min((each.night for each in items), default=None),
        removed=tuple(long_logs),
    )


def _day(path: Path) -> date:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC).date()
