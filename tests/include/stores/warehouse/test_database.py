import os
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from include.settings import PROJECT
from include.stores import warehouse
from include.stores.warehouse import database, tables
from ml.errors import SetupError


def test_the_migrations_make_the_tables_that_the_code_declares(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.METADATA) == []


@pytest.mark.parametrize("view", [tables.matured_scores, tables.latest_scores], ids=lambda view: view.name)
def test_a_view_has_the_columns_that_the_code_declares(engine: sa.Engine, view: sa.Table) -> None:
    result = [column["name"] for column in sa.inspect(engine).get_columns(view.name)]
    assert result == [column.name for column in view.columns]


def test_migrating_twice_changes_nothing(url: str, engine: sa.Engine) -> None:
    before = sa.inspect(engine).get_table_names()
    warehouse.migrate(url)
    assert sa.inspect(engine).get_table_names() == before


def test_a_migration_can_be_taken_back_and_made_again(url: str, engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with warehouse.write_transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    warehouse.migrate(url)
    assert "ledger" in sa.inspect(engine).get_table_names()


def test_a_warehouse_that_is_there_is_opened_at_the_newest_schema(url: str, engine: sa.Engine) -> None:
    assert "ledger" in sa.inspect(warehouse.open_existing(url)).get_table_names()


def test_a_warehouse_that_was_never_made_is_refused_and_not_made_by_asking(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=f"nothing has run in this home yet: .*{tmp_path}/none.db, found none"):
        warehouse.open_existing(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_our_tables_is_no_warehouse(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(SetupError, match="nothing has run in this home yet"):
        warehouse.open_existing(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(
        SetupError, match=r"the database postgresql\+psycopg://ann:\*\*\*@127.0.0.1:1/none cannot be reached"
    ):
        warehouse.open_existing("postgresql+psycopg://ann:secret@127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("url", "reported"),
    [
        pytest.param("ann:sekret@127.0.0.1/x", "got one that cannot be read", id="no scheme"),
        pytest.param("ann:sekret://x@127.0.0.1/x", "got one that cannot be read", id="a scheme that is none"),
        pytest.param("postgresql://ann:sekret@h:port/x", "got 'postgresql' and more that cannot be read", id="a port"),
    ],
)
def test_an_address_that_cannot_be_read_is_not_shown(url: str, reported: str) -> None:
    with pytest.raises(SetupError, match=f"expected RATCHET_WAREHOUSE_URL to be .*, {reported}") as refused:
        warehouse.open_existing(url)
    assert "sekret" not in str(refused.value)


def test_processes_that_migrate_at_once_all_succeed(url: str) -> None:
    script = "import sys; from include.stores import warehouse; warehouse.migrate(sys.argv[1])"
    command_line = [sys.executable, "-c", script, url]
    running = [subprocess.Popen(command_line, cwd=PROJECT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    failures = [error for _, error in (process.communicate(timeout=60) for process in running) if error]
    assert failures == []
    assert [process.returncode for process in running] == [0] * 4


def test_a_process_has_one_engine_for_each_address(tmp_path: Path) -> None:
    first, other = (f"sqlite:///{tmp_path / name}" for name in ("first.db", "other.db"))
    assert warehouse.engine(first) is warehouse.engine(first)
    assert warehouse.engine(first) is not warehouse.engine(other)


def test_a_forked_child_makes_an_engine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    parents = warehouse.engine(url)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert warehouse.engine(url) is not parents


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 30_000)])
def test_sqlite_waits_for_others_and_lets_readers_read(tmp_path: Path, pragma: str, value: object) -> None:
    with warehouse.engine(f"sqlite:///{tmp_path / 'warehouse.db'}").connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_write_that_fails_half_way_leaves_nothing(engine: sa.Engine) -> None:
    row = {"use_case": "taxi", "night": date(2013, 1, 1), "kind": "k", "subject": "s", "message": "m"}
    with pytest.raises(RuntimeError, match="killed"), warehouse.write_transaction(engine) as connection:
        connection.execute(sa.insert(tables.alerts), [row])
        raise RuntimeError("killed")
    assert warehouse.alerts(engine, "taxi") == ()


def test_a_moment_without_a_time_zone_is_refused(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.StatementError, match="a datetime with a time zone"):
        connection.execute(sa.select(tables.labels).where(tables.labels.c.known_at < datetime(2013, 1, 1)))  # noqa: DTZ001
