"""Connections to the warehouse, the same on SQLite and Postgres."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ml.errors import SetupError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_WRITES = "ratchet_writes"
_VERSIONED = "alembic_version"
_BUSY_MILLISECONDS = 30_000
_CACHE_KILOBYTES = 65_536  # SQLite's own 2 MB thrash when a night of millions is put into an index


def engine(url: str) -> sa.Engine:
    """Return this process's engine for `url`; a forked child gets its own, because connections break across a fork."""
    return _engine(url, os.getpid())


@cache
def _engine(url: str, _pid: int) -> sa.Engine:
    if sa.make_url(url).get_backend_name() != "sqlite":
        served = sa.create_engine(url, pool_pre_ping=True)
        sa.event.listen(served, "handle_error", _tell_when_away)
        return served
    made = sa.create_engine(url, poolclass=sa.NullPool)
    sa.event.listen(made, "connect", _prepare_sqlite)
    sa.event.listen(made, "begin", _begin_sqlite)
    return made


def _tell_when_away(context: sa.engine.ExceptionContext) -> None:
    """Raise SetupError, in a sentence, for a server that is not there, or went away; a task's next try finds it back."""
    if context.is_pre_ping or not (context.is_disconnect or context.connection is None):
        return
    settings = context.engine.url.render_as_string(hide_password=True) if context.engine else "of the warehouse"
    said = " ".join(str(context.original_exception).split())
    raise SetupError(
        f"the database {settings} cannot be reached: {said}. Start it, or mend its URL, and run this "
        "again: what was being stored is there whole or not at all"
    ) from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KILOBYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes later fails when another wrote between."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


@contextmanager
def writing(engine: sa.Engine, alone: str = "") -> Iterator[sa.Connection]:
    """Yield a connection inside one write transaction: all of it is stored, or nothing.

    Writers that give the same name in `alone` wait for each other. SQLite has one writer at a time anyway.
    """
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        if alone and connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(alone, 0))))
        yield connection


def add(
    connection: sa.Connection, table: sa.Table, constant: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert `rows`, all with the values of `constant`, and return how many are new: one whose key is there stays as it was.

    The constant values are written into the statement, not sent with every row: that is what makes it quick.
    """
    if not rows:
        return 0
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    values: dict[str, sa.ColumnElement[Any]] = {name: sa.bindparam(name) for name in rows[0]}
    for name, value in constant.items():
        literal = sa.literal(value, table.columns[name].type)
        told = literal.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        values[name] = sa.literal_column(str(told))
    statement = insert.values(values).on_conflict_do_nothing()
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]], *, replace: bool = True) -> int:
    """Insert `rows` and return how many were written.

    A row whose key is there already is replaced, or left as it was when `replace` is false.
    """
    if not rows:
        return 0
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    keys = [column.name for column in table.primary_key]
    if replace:
        incoming = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
        statement = insert.on_conflict_do_update(index_elements=keys, set_=incoming)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def opened(url: str) -> sa.Engine:
    """Return the engine of the warehouse at `url`, brought to the newest schema; raises SetupError as `found` does."""
    engine = found(url)
    migrate(url)
    return engine


def found(url: str) -> sa.Engine:
    """Return the engine of the warehouse at `url` as it stands, for those who only read.

    Raises SetupError where none was ever made, or none can be reached.
    """
    if not there(url):
        raise SetupError(
            f"nothing has run in this home yet: expected its warehouse at {shown(url)}, found none. `make run`, or "
            "`ratchet ingest <use case> <night>`, makes one; if it ran in another home, let RATCHET_HOME say which"
        )
    return engine(url)


def there(url: str) -> bool:
    """Return whether a warehouse was ever made at `url`; raises SetupError where nobody answers."""
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).is_file():
        return False  # connecting would make one
    try:
        return sa.inspect(engine(url)).has_table(_VERSIONED)
    except sa.exc.OperationalError as error:
        raise SetupError(f"the database {shown(url)} cannot be read: {error.orig}; mend it, or its URL") from error


def shown(url: str) -> str:
    """Return the address of a database as messages may tell it: without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema, making it first if need be; two at once do it once."""
    from alembic import command
    from alembic.config import Config

    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine(url), alone="migrate") as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
