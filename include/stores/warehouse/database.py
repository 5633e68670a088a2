"""Connections to the warehouse, its transactions and its schema, on SQLite and Postgres alike."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ml.errors import SetupError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_WRITE_OPTION = "ratchet_writes"
_VERSION_TABLE = "alembic_version"
_SCHEME = re.compile(r"[a-z][a-z0-9+]*")
_BUSY_MILLISECONDS = 30_000
_CACHE_KILOBYTES = 65_536  # SQLite's default of 2 MB thrashes when millions of rows are inserted into an index


def engine(url: str) -> sa.Engine:
    """Return this process's engine for `url`; a forked child gets its own, because connections break across a fork."""
    _address(url)
    return _engine(url, os.getpid())


def _address(url: str) -> sa.URL:
    """Return the parsed URL of a database; raises SetupError unless it is one of SQLite or Postgres."""
    expected = (
        "expected RATCHET_WAREHOUSE_URL to be sqlite:///<file> or postgresql+psycopg://<user>:<password>@<host>/<name>"
    )
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        scheme, separator, _ = url.partition("://")  # without a scheme, any part of the URL may be the password
        shown = f"{scheme[:40]!r} and more that" if separator and _SCHEME.fullmatch(scheme) else "one that"
        raise SetupError(f"{expected}, got {shown} cannot be read, and is not shown: correct it") from None
    backend = address.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise SetupError(f"{expected}, got one of {backend!r}")
    if backend == "sqlite" and address.database in (None, "", ":memory:"):
        raise SetupError(f"{expected}, got one of SQLite without a file")
    try:
        address.get_dialect().import_dbapi()
    except (sa.exc.NoSuchModuleError, ImportError):
        raise SetupError(f"{expected}, got the driver of {address.drivername!r}, which is not installed") from None
    return address


@cache
def _engine(url: str, _pid: int) -> sa.Engine:
    if sa.make_url(url).get_backend_name() != "sqlite":
        server_engine = sa.create_engine(url, pool_pre_ping=True)
        sa.event.listen(server_engine, "handle_error", _raise_when_unreachable)
        return server_engine
    sqlite_engine = sa.create_engine(url, poolclass=sa.NullPool)
    sa.event.listen(sqlite_engine, "connect", _prepare_sqlite)
    sa.event.listen(sqlite_engine, "begin", _begin_sqlite)
    return sqlite_engine


def _raise_when_unreachable(context: sa.engine.ExceptionContext) -> None:
    """Raise SetupError when the server cannot be reached or the connection is lost; a task's retry connects again."""
    if context.is_pre_ping or not (context.is_disconnect or context.connection is None):
        return
    url = context.engine.url.render_as_string(hide_password=True) if context.engine else "of the warehouse"
    reason = " ".join(str(context.original_exception).split())
    raise SetupError(
        f"the database {url} cannot be reached: {reason}. Start it, or correct its URL, and run this again: an "
        "interrupted transaction was stored completely or not at all"
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
    """Take the write lock at once: a transaction that reads before it writes fails if another wrote in between."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITE_OPTION) else "BEGIN")


@contextmanager
def write_transaction(engine: sa.Engine, lock: str = "") -> Iterator[sa.Connection]:
    """Yield a connection inside one write transaction.

    Writers that pass the same `lock` name wait for each other. SQLite allows only one writer at a time anyway.
    """
    with engine.execution_options(**{_WRITE_OPTION: True}).begin() as connection:
        if lock and connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(lock, 0))))
        yield connection


def insert_new(
    connection: sa.Connection, table: sa.Table, constant: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert `rows`, all with the values of `constant`, and return how many are new; existing keys are left unchanged.

    For speed, the constant values are part of the statement instead of being sent with every row.
    """
    if not rows:
        return 0
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    values: dict[str, sa.ColumnElement[Any]] = {name: sa.bindparam(name) for name in rows[0]}
    for name, value in constant.items():
        literal = sa.literal(value, table.columns[name].type)
        compiled = literal.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        values[name] = sa.literal_column(str(compiled))
    statement = insert.values(values).on_conflict_do_nothing()
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]], *, replace: bool = True) -> int:
    """Insert `rows` and return how many were written.

    A row whose key exists already is replaced, or left unchanged when `replace` is false.
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


def open_existing(url: str) -> sa.Engine:
    """Return the engine of the existing warehouse at `url`.

    Raises SetupError when there is no warehouse, when it cannot be reached, and in the cases of `check_schema`.
    """
    if not exists(url):
        raise SetupError(
            f"nothing has run in this home yet: expected its warehouse at {redact_url(url)}, found none. `make run` or "
            "`ratchet ingest <use case> <night>` creates one; if it ran in another home, set RATCHET_HOME to it"
        )
    check_schema(url)
    return engine(url)


def check_schema(url: str) -> None:
    """Raise SetupError if the database at `url` has the schema of another release; having none is accepted."""
    present, newest = _schema(url), _newest_schema()
    if present is None or present == newest:
        return
    if present > newest:
        raise SetupError(
            f"the warehouse at {redact_url(url)} has the schema {present} of a later release; this release knows "
            f"schemas up to {newest}: use that release, or a backup from before its upgrade"
        )
    raise SetupError(
        f"the warehouse at {redact_url(url)} has the schema {present} of an earlier release, this one needs {newest}: "
        "stop everything that uses it, make a backup, and run `ratchet upgrade`"
    )


def _schema(url: str) -> str | None:
    """Return the schema version of the database at `url`; None when there is no database or it has no schema yet."""
    if not exists(url):
        return None
    with engine(url).connect() as connection:
        present = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(_VERSION_TABLE)))
    return None if present is None else str(present)


@cache
def _newest_schema() -> str:
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def exists(url: str) -> bool:
    """Return whether there is a warehouse at `url`; raises SetupError when the server cannot be read."""
    address = _address(url)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).is_file():
        return False  # connecting would create the file
    try:
        return sa.inspect(engine(url)).has_table(_VERSION_TABLE)
    except sa.exc.DBAPIError as error:
        raise SetupError(
            f"the database {redact_url(url)} cannot be read: {error.orig}; repair it, or correct its URL"
        ) from error


def redact_url(url: str) -> str:
    """Return the URL of a database without its password, for messages."""
    return sa.make_url(url).render_as_string(hide_password=True)


def migrate(url: str) -> None:
    """Create the schema of the database at `url` if it has none; concurrent calls create it once.

    Raises SetupError, as `check_schema` does, for the schema of another release: only `upgrade` changes existing data.
    """
    check_schema(url)
    upgrade(url)


def upgrade(url: str) -> tuple[str | None, str]:
    """Upgrade the database at `url` to the newest schema, and return the schemas before and after.

    It is one transaction: if it is interrupted, schema and rows stay as they were. Raises SetupError for a schema of a
    later release.
    """
    from alembic import command
    from alembic.config import Config

    address = _address(url)
    if address.get_backend_name() == "sqlite" and address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    before = _schema(url)
    if before is not None and before > _newest_schema():
        check_schema(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with write_transaction(engine(url), lock="migrate") as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, _newest_schema()
