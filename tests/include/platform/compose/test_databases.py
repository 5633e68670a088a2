"""Roles on a real Postgres: who may what in the warehouse, above all in the ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.platform.compose import databases, secret_files
from include.platform.compose.databases import OWNER, PROMOTION, READER, TASKS
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import RELEASE_KINDS, STANDING_KINDS, EntryKind
from tests import postgres
from tests.stack import raw_entries

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The secrets of a stack whose Postgres is a real one of this machine, prepared twice."""
    folder = tmp_path_factory.mktemp("secrets")
    secret_files.fill(folder)
    with postgres.running() as server:
        url = sa.make_url(server.url)
        for role in secret_files.ROLES:
            moved = (folder / role).read_text().replace(secret_files.POSTGRES, f"{url.host}:{url.port}")
            (folder / role).write_text(moved)
        with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
            connection.execute(
                sa.text(f"CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '{(folder / 'postgres').read_text()}'")
            )
        databases.prepare(folder)
        databases.prepare(folder)
        yield folder


def engine(secrets: Path, role: str, database: str | None = None) -> sa.Engine:
    url = sa.make_url((secrets / role).read_text())
    return sa.create_engine(url.set(database=database or url.database), poolclass=sa.NullPool)


def write(secrets: Path, role: str, kind: str) -> None:
    """Append an entry of `kind`, which may be the former name of one."""
    raw_entries.insert(engine(secrets, role), [raw_entries.draft(kind, {}, use_case="toy", key=f"{role}/{kind}")])


@pytest.mark.parametrize(
    ("role", "kind", "may"),
    [
        pytest.param(PROMOTION, EntryKind.PROMOTED, True, id="who promotes promotes"),
        pytest.param(PROMOTION, EntryKind.JUDGED, True, id="who promotes may all else"),
        pytest.param(TASKS, EntryKind.JUDGED, True, id="who trains says how it went"),
        pytest.param(TASKS, EntryKind.PROMOTED, False, id="who trains does not promote"),
        pytest.param(TASKS, EntryKind.APPROVED, False, id="who trains does not approve"),
        pytest.param(TASKS, EntryKind.ROLLED_BACK, False, id="who trains does not roll back"),
        pytest.param(TASKS, EntryKind.TRAFFIC_SHIFTED, False, id="who trains does not shift traffic"),
        pytest.param(TASKS, "shifted", False, id="who trains does not shift traffic, as it was called"),
        pytest.param(TASKS, EntryKind.UPGRADED, False, id="who trains does not make former names count"),
        pytest.param(READER, EntryKind.JUDGED, False, id="who reads does not write"),
    ],
)
def test_a_role_writes_its_own_entries_into_the_ledger_and_no_others(
    secrets: Path, role: str, kind: str, may: bool
) -> None:
    if may:
        write(secrets, role, kind)
    else:
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security|permission denied"):
            write(secrets, role, kind)
    assert ledger.verify(engine(secrets, READER))


@pytest.mark.parametrize("role", [PROMOTION, TASKS, READER])
@pytest.mark.parametrize(
    "statement", ["DELETE FROM ledger", "UPDATE ledger SET kind = 'promoted'", "DROP TABLE scores"]
)
def test_nobody_but_the_owner_changes_the_past_or_the_tables(secrets: Path, role: str, statement: str) -> None:
    with (
        engine(secrets, role).connect() as connection,
        pytest.raises(sa.exc.ProgrammingError, match="permission|owner"),
    ):
        connection.execute(sa.text(statement))


def test_tasks_find_the_newest_schema_and_need_no_right_to_change_it(secrets: Path) -> None:
    warehouse.open_existing((secrets / TASKS).read_text())


@pytest.mark.parametrize(("role", "database"), [("airflow", "warehouse"), ("mlflow", "airflow"), (TASKS, "airflow")])
def test_a_role_is_not_let_into_a_database_of_others(secrets: Path, role: str, database: str) -> None:
    with pytest.raises(sa.exc.OperationalError, match="permission denied for database"):
        engine(secrets, role, database).connect()


def test_a_new_password_is_the_one_that_holds_from_the_next_start(secrets: Path) -> None:
    was = engine(secrets, READER)
    url = sa.make_url((secrets / READER).read_text())
    (secrets / READER).write_text(url.set(password="another").render_as_string(hide_password=False))
    databases.prepare(secrets)
    engine(secrets, READER).connect().close()
    with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
        was.connect()


def test_every_move_of_a_release_is_kept_from_those_who_only_train() -> None:
    answers = {EntryKind.APPROVED, EntryKind.REJECTED, EntryKind.JUDGED_AGAIN}
    today = {*RELEASE_KINDS, *STANDING_KINDS, *answers, EntryKind.UPGRADED, EntryKind.FORGOTTEN}
    former = {"shadowed", "seen", "shifted", "passed", "withdrawn", "thawed"}
    assert set(databases.FORBIDDEN_KINDS) == today | former


@pytest.mark.parametrize("kind", databases.FORBIDDEN_KINDS)
def test_the_tasks_role_appends_no_entry_of_a_forbidden_kind_under_either_name(secrets: Path, kind: str) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
        write(secrets, TASKS, kind)


def test_every_role_is_a_secret_of_the_stack() -> None:
    assert OWNER in secret_files.ROLES
