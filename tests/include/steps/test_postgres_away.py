"""Postgres goes away in the middle of a night, before any of its writes: it is told, and the task's next try ends the night."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings, load_settings
from include.steps import ingest
from include.steps.features import build
from include.stores import lake, warehouse
from include.stores.warehouse import rows, tables
from ml.errors import SetupError
from ml.governance import sync_diff
from ml.usecase import UseCase
from tests.postgres import Server, running

pytestmark = pytest.mark.servers

NIGHT = "2024-03-02"
WRITES = ("record_files", "record_ingestion", "record_table_reads", "record_labels", "replace_alerts")


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """A Postgres of its own: others do not like to be stopped."""
    with running() as server:
        yield server


def enter(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Let this process's home be `folder`, its rows in a new database."""
    monkeypatch.setenv("RATCHET_HOME", str(folder))
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL", server.database())
    load_settings.cache_clear()
    warehouse.migrate(load_settings().warehouse_url)
    return load_settings()


def night() -> None:
    ingest.ingest("taxi", NIGHT)
    build.build("taxi", NIGHT)


def left(settings: Settings) -> dict[str, object]:
    """Return what the night left: digests of tables, and the rows of the lake."""
    wanted = (tables.ingestions, tables.files, tables.labels, tables.alerts)
    result: dict[str, object] = {
        table.name: sync_diff.table_digest(rows.read_ordered(settings.warehouse_url, table)) for table in wanted
    }
    for log in sorted(Path(settings.lake).rglob("_delta_log")):
        frame = lake.read(str(log.parent))
        result[str(log.parent.relative_to(settings.lake))] = frame.sort_values(list(frame.columns)).to_csv(index=False)
    return result


def counted(patch: pytest.MonkeyPatch, before: Callable[[int], None]) -> list[str]:
    """Let `before` be called with the number of each write of the warehouse (from 1); return their names as they come."""
    done: list[str] = []

    def wrapped(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def reported(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            before(len(done))
            return write(*args, **kwargs)

        return reported

    for name in WRITES:
        patch.setattr(warehouse, name, wrapped(name, getattr(warehouse, name)))
    return done


def test_a_night_is_ended_by_its_next_try_wherever_postgres_went_away(
    mortal: Server, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = enter(mortal, tmp_path / "undisturbed", monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        writes = counted(patch, lambda _: None)
        night()
    expected = left(undisturbed)
    assert len(writes) > 2
    for number, name in enumerate(writes, start=1):
        settings = enter(mortal, tmp_path / str(number), monkeypatch)
        with pytest.MonkeyPatch.context() as patch:
            counted(patch, lambda at, number=number: mortal.stop() if at == number else None)
            try:
                with pytest.raises(SetupError, match=r"the database postgresql.* cannot be reached: .*run this again"):
                    night()
            finally:
                mortal.start()
        night()
        assert left(settings) == expected, f"away before write {number}, {name}"
        warehouse.engine(settings.warehouse_url).dispose()
    load_settings.cache_clear()
