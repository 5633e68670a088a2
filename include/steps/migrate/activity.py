"""What runs in a house at this moment: Airflow's scheduler and runs in flight, as Airflow's own database tells."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from include.installation import House
from include.stores import request_log, warehouse
from ml.errors import SetupError

_ADDRESS = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_STILL_ALIVE = timedelta(seconds=60)
_SHOWN = 3
_RUNS = sa.text("SELECT dag_id, run_id FROM dag_run WHERE state IN ('queued', 'running') ORDER BY run_after")
_BEAT = sa.text("SELECT MAX(latest_heartbeat) FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'")


def require_none(house: House, now: datetime) -> None:
    """Raise SetupError, with a sentence for each, when anything runs in `house` that may write."""
    found = [*_answering(house), *_scheduled(house, now)]
    if found:
        raise SetupError(f"expected nothing to run while a house is moved, but {'; '.join(found)}")


def _answering(house: House) -> Iterator[str]:
    for folder in sorted({path.parent for path in house.settings.journal.glob("*/*")}):
        if any(not request_log.read(segment).last for segment in request_log.segments(folder)):
            yield f"a server answers for {folder.name} and writes to {folder}: stop it"


def _scheduled(house: House, now: datetime) -> Iterator[str]:
    url = _database(house)
    if url is None:
        return
    with warehouse.engine(url).connect() as connection:
        if not sa.inspect(connection).has_table("dag_run"):
            return
        runs = [f"{dag} {run}" for dag, run in connection.execute(_RUNS)]
        beat = connection.scalar(_BEAT)
    if beat is not None and now - _moment(beat) < _STILL_ALIVE:
        yield f"a scheduler of {house.settings.airflow_home} gave a sign of life at {beat:.19}: end it (`ratchet down`)"
    if runs:
        named = ", ".join(runs[:_SHOWN]) + (f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else "")
        yield f"{named} did not end: let it end, or mark it as failed"


def _database(house: House) -> str | None:
    """Return where Airflow's database is; None where no Airflow ever ran in a house that is in folders."""
    if _ADDRESS in house.variables:
        return house.variables[_ADDRESS]
    embedded = Path(house.settings.airflow_home, "airflow.db")
    if embedded.is_file():
        return f"sqlite:///{embedded}"
    if house.settings.warehouse_url.startswith("sqlite"):
        return None
    raise SetupError(
        f"cannot see whether a night is in flight at {sa.make_url(house.settings.warehouse_url).host}: expected "
        f"{_ADDRESS} beside its other addresses; or say --idle when you know that nothing runs there"
    )


def _moment(beat: datetime | str) -> datetime:
    told = datetime.fromisoformat(beat) if isinstance(beat, str) else beat
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told
