"""Activity of an installation: model servers and, from Airflow's database, its scheduler and unfinished runs."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from include.installation import Installation
from include.steps import airflow_database
from include.stores import request_log, warehouse
from ml.errors import SetupError

_ADDRESS = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_STILL_ALIVE = timedelta(seconds=60)
_MAX_NAMED = 3
_RUNS = sa.text("SELECT dag_id, run_id FROM dag_run WHERE state IN ('queued', 'running') ORDER BY run_after")
_HEARTBEAT = sa.text("SELECT MAX(latest_heartbeat) FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'")


def check_idle(installation: Installation, now: datetime) -> None:
    """Raise SetupError that lists everything running in the installation that may write."""
    activities = [*_active_servers(installation), *_active_airflow(installation, now)]
    if activities:
        raise SetupError(
            f"expected nothing to run while an installation is migrated or upgraded, but {'; '.join(activities)}"
        )


def check_models_idle(installation: Installation, names: Sequence[str]) -> None:
    """Raise SetupError that lists the servers and unfinished runs of these models; a scheduler may run."""
    activities = [
        *(activity for name in names for activity in _active_servers(installation, name)),
        *_unfinished_runs(installation, [dag for name in names for dag in airflow_database.dag_ids(name)]),
    ]
    if activities:
        raise SetupError(
            f"expected nothing of {names[0]} to run while it is forgotten, but {'; '.join(activities)}; or pass "
            "--assume-idle if you know better"
        )


def _active_servers(installation: Installation, use_case: str = "*") -> Iterator[str]:
    for folder in sorted({path.parent for path in installation.settings.prediction_log.glob(f"{use_case}/*")}):
        if any(not request_log.read(segment).is_final for segment in request_log.segments(folder)):
            yield f"a server answers for {folder.name} and writes to {folder}: stop it"


def _active_airflow(installation: Installation, now: datetime) -> Iterator[str]:
    url = _database(installation)
    if url is None:
        return
    with warehouse.engine(url).connect() as connection:
        if not sa.inspect(connection).has_table("dag_run"):
            return
        heartbeat = connection.scalar(_HEARTBEAT)
    if heartbeat is not None and now - _to_utc(heartbeat) < _STILL_ALIVE:
        airflow_home = installation.settings.airflow_home
        yield f"a scheduler of {airflow_home} was alive at {heartbeat:.19}: stop it (`ratchet down`)"
    yield from _unfinished_runs(installation)


def _unfinished_runs(installation: Installation, dag_ids: Collection[str] | None = None) -> Iterator[str]:
    """Yield a sentence on the unfinished runs, of all DAGs or of those with `dag_ids`; nothing if there are none."""
    url = _database(installation)
    if url is None:
        return
    with warehouse.engine(url).connect() as connection:
        if not sa.inspect(connection).has_table("dag_run"):
            return
        runs = [f"{dag} {run}" for dag, run in connection.execute(_RUNS) if dag_ids is None or dag in dag_ids]
    if runs:
        named = ", ".join(runs[:_MAX_NAMED]) + (f" and {len(runs) - _MAX_NAMED} more" if len(runs) > _MAX_NAMED else "")
        yield f"{named} did not end: let it end, or mark it as failed"


def _database(installation: Installation) -> str | None:
    """Return the URL of Airflow's database; None for an installation on local folders in which Airflow never ran."""
    if _ADDRESS in installation.variables:
        return installation.variables[_ADDRESS]
    embedded = Path(installation.settings.airflow_home, "airflow.db")
    if embedded.is_file():
        return f"sqlite:///{embedded}"
    if installation.settings.warehouse_url.startswith("sqlite"):
        return None
    raise SetupError(
        f"cannot see whether a night is in flight at {sa.make_url(installation.settings.warehouse_url).host}: expected "
        f"{_ADDRESS} next to its other addresses, or the option --assume-idle if you know that nothing is running there"
    )


def _to_utc(heartbeat: datetime | str) -> datetime:
    moment = datetime.fromisoformat(heartbeat) if isinstance(heartbeat, str) else heartbeat
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
