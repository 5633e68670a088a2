import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from include.settings import PROJECT
from include.stores import ledger, warehouse
from ml.errors import LedgerError
from ml.governance.hash_chain import GENESIS, Entry

NIGHT = date(2013, 2, 8)


def append(engine: sa.Engine, key: str = "one", **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "kind": "judged",
        "use_case": "taxi",
        "night": NIGHT,
        "subject": "m1",
        "payload": {"auc": 0.7},
    }
    return ledger.append(engine, **(fields | changes), key=key)


def promote(engine: sa.Engine, subject: str, night: int, recorded_hour: int = 0) -> Entry:
    moment = datetime(2013, 3, 1, recorded_hour, tzinfo=UTC)
    key = f"{subject}/{night}/{recorded_hour}"
    return append(engine, key, kind="promoted", subject=subject, night=date(2013, 2, night), recorded_at=moment)


def tamper(engine: sa.Engine, statement: str) -> None:
    """Change the ledger as someone would who owns the database."""
    with warehouse.write_transaction(engine) as connection:
        if connection.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER ledger_refuses_{verb}")
        else:
            connection.exec_driver_sql("ALTER TABLE ledger DISABLE TRIGGER USER")
        connection.exec_driver_sql(statement)


def test_an_entry_is_read_back_as_it_was_appended(engine: sa.Engine) -> None:
    written = append(engine, payload={"auc": 0.1 + 0.2, "why": "größer", "low": None, "slices": [{"n": 3}]})
    assert ledger.entries(engine) == (written,)
    assert written.seq == 1
    assert written.recorded_at.tzinfo is not None


def test_entries_are_linked_in_the_order_of_appending(engine: sa.Engine) -> None:
    first, second = append(engine, "one"), append(engine, "two")
    assert (first.previous, second.previous) == (GENESIS, first.digest)
    assert ledger.verify(engine) == second.digest


def test_an_empty_ledger_holds(engine: sa.Engine) -> None:
    assert ledger.verify(engine) == GENESIS


def test_the_same_entry_twice_is_one_entry(engine: sa.Engine) -> None:
    assert append(engine, payload={"a": (1, 2)}) == append(engine, payload={"a": [1, 2]})
    assert len(ledger.entries(engine)) == 1


@pytest.mark.parametrize(
    "change",
    [{"kind": "kept"}, {"use_case": "bikes"}, {"night": None}, {"subject": "m2"}, {"payload": {"auc": 0.8}}],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_other_content_is_refused(engine: sa.Engine, change: dict[str, Any]) -> None:
    append(engine)
    with pytest.raises(LedgerError, match=r"already has the key 'one' as entry 1 .* use another key"):
        append(engine, **change)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()], ids=["nan", "infinity", "object"])
def test_a_payload_that_is_not_json_is_refused(engine: sa.Engine, value: Any) -> None:
    with pytest.raises(LedgerError, match="store None for them"):
        append(engine, payload={"auc": value})


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({}, ["a", "b", "c"]),
        ({"use_case": "bikes"}, ["c"]),
        ({"kind": "kept"}, ["b"]),
        ({"night": NIGHT}, ["a", "c"]),
        ({"subject": "m1", "use_case": "taxi"}, ["a", "b"]),
    ],
)
def test_entries_are_found_by_what_they_are(engine: sa.Engine, asked: dict[str, Any], keys: list[str]) -> None:
    append(engine, "a")
    append(engine, "b", kind="kept", night=None)
    append(engine, "c", use_case="bikes")
    assert [entry.key for entry in ledger.entries(engine, **asked)] == keys


@pytest.mark.parametrize("statement", ["UPDATE ledger SET subject = 'm9'", "DELETE FROM ledger"])
def test_the_database_itself_refuses_to_change_an_entry(engine: sa.Engine, statement: str) -> None:
    append(engine)
    with (
        pytest.raises(sa.exc.DBAPIError, match="the ledger is only appended to"),
        warehouse.write_transaction(engine) as connection,
    ):
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET subject = 'm9' WHERE seq = 2",
        "UPDATE ledger SET payload = '{\"auc\":0.9}' WHERE seq = 2",
        "UPDATE ledger SET payload = '{ \"auc\": 0.7 }' WHERE seq = 2",
        "UPDATE ledger SET payload = 'no json' WHERE seq = 2",
        "UPDATE ledger SET night = '2013-02-09' WHERE seq = 2",
        "UPDATE ledger SET key = 'another' WHERE seq = 2",
        "UPDATE ledger SET recorded_at = '2001-01-01 00:00:00' WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 2",
    ],
)
def test_a_row_changed_behind_the_triggers_is_found(engine: sa.Engine, statement: str) -> None:
    for key in ("one", "two", "three"):
        append(engine, key)
    tamper(engine, statement)
    with pytest.raises(LedgerError, match="changed behind its back: entry 2: .* Promote nothing"):
        ledger.verify(engine)


def test_a_row_that_cannot_be_read_is_found(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    warehouse.migrate(url)
    engine = warehouse.engine(url)
    append(engine, "one")
    append(engine, "two")
    tamper(engine, "UPDATE ledger SET night = 'yesterday' WHERE seq = 2")
    with pytest.raises(LedgerError, match="entry 2: it cannot be read"):
        ledger.verify(engine)


def test_the_last_row_deleted_is_found_by_the_digest_noted_before(engine: sa.Engine) -> None:
    append(engine, "one")
    append(engine, "two")
    noted = ledger.verify(engine)
    tamper(engine, "DELETE FROM ledger WHERE seq = 2")
    ledger.verify(engine)
    with pytest.raises(LedgerError, match="the chain ends before the entry"):
        ledger.verify(engine, known_head=noted)


def test_there_is_no_champion_before_the_first_promotion(engine: sa.Engine) -> None:
    append(engine)
    promote(engine, "m1", night=10)
    assert ledger.champion(engine, "bikes") is None
    assert ledger.champion(engine, "taxi", before_night=date(2013, 2, 10)) is None


@pytest.mark.parametrize(
    ("asked", "subject"),
    [
        ({}, "m1"),
        ({"until_night": date(2013, 2, 10)}, "m1"),
        ({"until_night": date(2013, 2, 12)}, "m2"),
        ({"before_night": date(2013, 2, 12)}, "m1"),
        ({"before_night": date(2013, 2, 13)}, "m2"),
        ({"until_night": date(2013, 2, 20)}, "m1"),
        ({"as_of": datetime(2013, 3, 1, 1, tzinfo=UTC)}, "m2"),
    ],
)
def test_the_champion_of_a_night_or_moment_is_the_last_one_promoted_by_then(
    engine: sa.Engine, asked: dict[str, Any], subject: str
) -> None:
    promote(engine, "m1", night=10, recorded_hour=0)
    promote(engine, "m2", night=12, recorded_hour=1)
    promote(engine, "m1", night=14, recorded_hour=2)
    found = ledger.champion(engine, "taxi", **asked)
    assert found is not None
    assert found.subject == subject


def test_a_promotion_of_an_older_night_written_later_does_not_change_later_nights(engine: sa.Engine) -> None:
    promote(engine, "m2", night=12, recorded_hour=0)
    promote(engine, "m1", night=10, recorded_hour=1)
    found = ledger.champion(engine, "taxi", until_night=date(2013, 2, 20))
    assert found is not None
    assert found.subject == "m2"


RACER = """
import sys
from include.stores import ledger, warehouse
engine = warehouse.engine(sys.argv[1])
for n in range(20):
    for key in (f"shared {n}", f"own {sys.argv[2]} {n}"):
        ledger.append(engine, kind="judged", use_case="taxi", night=None, subject="m1", payload={}, key=key)
engine.dispose()
"""


def test_processes_that_append_at_once_leave_no_gap_and_each_key_once(url: str, engine: sa.Engine) -> None:
    command = [sys.executable, "-c", RACER, url]
    racers = [subprocess.Popen([*command, str(n)], cwd=PROJECT, stderr=subprocess.PIPE, text=True) for n in range(3)]
    errors = [racer.communicate(timeout=120)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], errors
    keys = [entry.key for entry in ledger.entries(engine)]
    assert len(keys) == len(set(keys)) == 20 + 3 * 20
    ledger.verify(engine)


def test_entries_of_some_kinds_come_in_their_order(engine: sa.Engine) -> None:
    written = [append(engine, key, kind=kind) for key, kind in (("1", "judged"), ("2", "tested"), ("3", "promoted"))]
    append(engine, "4", kind="judged", use_case="another")
    assert ledger.entries_of_kinds(engine, "taxi", ("promoted", "judged")) == (written[0], written[2])
    assert ledger.kinds(engine) == ("judged", "promoted", "tested")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({}, ["c", "b", "a"], id="everything, newest first"),
        pytest.param({"limit": 1, "offset": 1}, ["b"], id="a page"),
        pytest.param({"text": "GRÜN"}, [], id="letters beyond ASCII in another case are others on SQLite"),
        pytest.param({"text": "grün"}, ["b"], id="in the payload"),
        pytest.param({"text": "M_"}, ["c"], id="an underscore is no wildcard"),
        pytest.param({"kind": "judged", "text": "m1"}, ["a"], id="all at once"),
        pytest.param({"as_of": datetime(2013, 3, 2, tzinfo=UTC)}, ["b", "a"], id="as it stood"),
        pytest.param({"use_case": "another"}, [], id="of another use case"),
    ],
)
def test_entries_are_searched(engine: sa.Engine, asked: dict[str, Any], found: list[str]) -> None:
    moments = [datetime(2013, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    append(engine, "a", recorded_at=moments[0])
    append(engine, "b", kind="tested", payload={"why": "grün"}, recorded_at=moments[1])
    append(engine, "c", kind="tested", subject="m_2", recorded_at=moments[2])
    if engine.dialect.name == "postgresql" and asked.get("text") == "GRÜN":
        found = ["b"]
    page = ledger.search(engine, **asked)
    assert [each.key for each in page.entries] == found
    assert page.count == (3 if "limit" in asked else len(found))


def test_a_search_that_meets_an_entry_that_is_no_json_names_what_tells_which(engine: sa.Engine) -> None:
    append(engine)
    tamper(engine, "UPDATE ledger SET payload = 'no'")
    with pytest.raises(LedgerError, match="`ratchet ledger` says which"):
        ledger.search(engine)
