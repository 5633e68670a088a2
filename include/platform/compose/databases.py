"""Create or update the roles, databases and grants in Postgres, from the stack's secrets, at every start of the stack.

Only the owner of a database creates and changes its tables. In the warehouse, `warehouse_promotion` reads and writes
rows. `warehouse_tasks` does the same, except that it cannot append ledger entries that change a release, or that define
how older entries are read and whether they count. `warehouse_reader` only reads.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from include.platform.compose import secret_files
from include.stores import approvals, warehouse
from ml.governance import former_names
from ml.governance.ledger_entries import RELEASE_KINDS, STANDING_KINDS, EntryKind

OWNER, PROMOTION, TASKS, READER = (f"warehouse_{each}" for each in ("owner", "promotion", "tasks", "reader"))
OWNERS = {"airflow": "airflow", "mlflow": "mlflow", secret_files.WAREHOUSE: OWNER}
# Ledger entries that `warehouse_tasks` may not append: the kinds that change a release, approve it or admit to it, their
# former names, the kind that declares former names valid, and the kind after which earlier entries no longer count.
FORBIDDEN_KINDS = tuple(
    sorted(
        {
            name
            for kind in (
                *RELEASE_KINDS,
                *STANDING_KINDS,
                *approvals.KINDS,
                EntryKind.JUDGED_AGAIN,
                EntryKind.UPGRADED,
                EntryKind.FORGOTTEN,
            )
            for name in (str(kind), *former_names.former(kind))
        }
    )
)
_SUPERUSER = "postgres"


def prepare(secrets_dir: Path) -> None:
    """Create the roles, the databases, the warehouse's tables and all grants; upgrade those of an earlier release."""
    roles = {name: make_url((secrets_dir / name).read_text().strip()) for name in secret_files.ROLES}
    admin = roles[OWNER].set(
        username=_SUPERUSER, password=(secrets_dir / "postgres").read_text().strip(), database=_SUPERUSER
    )
    with _connect(admin) as connection:
        _make_roles(connection, roles)
        _make_databases(connection)
    warehouse.upgrade(roles[OWNER].render_as_string(hide_password=False))
    with _connect(roles[OWNER]) as connection:
        _grant(connection)


def _connect(url: URL) -> psycopg.Connection:
    return psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)


def _make_roles(connection: psycopg.Connection, roles: Mapping[str, URL]) -> None:
    existing = _column(connection, "SELECT rolname FROM pg_roles")
    for name, url in roles.items():
        verb = sql.SQL("ALTER" if name in existing else "CREATE")
        statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
        connection.execute(statement.format(verb, sql.Identifier(name), sql.Literal(url.password)))


def _make_databases(connection: psycopg.Connection) -> None:
    """Create each missing database for its owner, and let only the owner and the database's roles connect."""
    existing = _column(connection, "SELECT datname FROM pg_database")
    for database, owner in OWNERS.items():
        if database not in existing:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner))
            connection.execute(statement)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        for role in (
            role for role, role_database in secret_files.ROLES.items() if role_database == database and role != owner
        ):
            connect = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}")
            connection.execute(connect.format(sql.Identifier(database), sql.Identifier(role)))


def _grant(connection: psycopg.Connection) -> None:
    """Grant each role its rights in the warehouse."""
    forbidden_kinds = sql.SQL(", ").join(map(sql.Literal, FORBIDDEN_KINDS))
    statements: Iterable[str | sql.Composed] = (
        f"GRANT USAGE ON SCHEMA public TO {PROMOTION}, {TASKS}, {READER}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PROMOTION}, {TASKS}, {READER}",
        f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {PROMOTION}, {TASKS}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {PROMOTION}, {TASKS}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {PROMOTION}, {TASKS}",
        f"REVOKE UPDATE, DELETE ON ledger FROM {PROMOTION}, {TASKS}",
        "ALTER TABLE ledger ENABLE ROW LEVEL SECURITY",
        "DROP POLICY IF EXISTS reads ON ledger",
        "DROP POLICY IF EXISTS appends ON ledger",
        "DROP POLICY IF EXISTS moves_no_release ON ledger",
        "CREATE POLICY reads ON ledger FOR SELECT USING (true)",
        f"CREATE POLICY appends ON ledger FOR INSERT TO {PROMOTION} WITH CHECK (true)",
        sql.SQL("CREATE POLICY moves_no_release ON ledger FOR INSERT TO {} WITH CHECK (kind NOT IN ({}))").format(
            sql.Identifier(TASKS), forbidden_kinds
        ),
    )
    with connection.transaction():
        for statement in statements:
            connection.execute(sql.SQL(statement) if isinstance(statement, str) else statement)


def _column(connection: psycopg.Connection, query: str) -> set[str]:
    return {str(value) for (value,) in connection.execute(sql.SQL(query))}


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
