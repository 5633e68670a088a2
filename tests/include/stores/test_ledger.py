import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from include.settings import PROJECT
from include.stores import ledger, warehouse
from ml.errors import LedgerError
from ml.governance import former_names, ledger_entries
from ml.governance.hash_chain import GENESIS, Entry
from ml.governance.ledger_entries import (
    AcceptanceTested,
    ApprovalRecord,
    EntryKind,
    Frozen,
    Payload,
    Promoted,
    PublicationDecided,
    RetrainingDecided,
    ShadowStarted,
    TrafficShifted,
    Tuned,
    Unfrozen,
    Verdict,
)
from tests import payloads
from tests.stack import raw_entries

NIGHT = date(2013, 2, 8)


def append(engine: sa.Engine, key: str = "one", **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "kind": EntryKind.JUDGED,
        "use_case": "taxi",
        "night": NIGHT,
        "subject": "m1",
    }
    fields |= changes
    fields.setdefault("payload", payloads.sample(fields["kind"]))
    return ledger.append(engine, **fields, key=key)


def verdict(**diagnostics: Any) -> Verdict:
    return Verdict(outcome="keep", reason="größer", diagnostics=diagnostics)


def promote(engine: sa.Engine, subject: str, night: int, recorded_hour: int = 0) -> Entry:
    moment = datetime(2013, 3, 1, recorded_hour, tzinfo=UTC)
    key = f"{subject}/{night}/{recorded_hour}"
    return append(engine, key, kind=EntryKind.PROMOTED, subject=subject, night=date(2013, 2, night), recorded_at=moment)


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
    payload = verdict(auc=0.1 + 0.2, low=None, slices=[{"n": 3}])
    written = append(engine, payload=payload)
    assert ledger.entries(engine) == (written,)
    assert written.seq == 1
    assert written.recorded_at.tzinfo is not None
    assert ledger_entries.read(written, Verdict) == payload


def test_entries_are_linked_in_the_order_of_appending(engine: sa.Engine) -> None:
    first, second = append(engine, "one"), append(engine, "two")
    assert (first.previous, second.previous) == (GENESIS, first.digest)
    assert ledger.verify(engine) == second.digest


def test_an_entry_on_condition_is_written_only_while_the_condition_holds(engine: sa.Engine) -> None:
    seen = append(engine, "one", kind=EntryKind.STANDING_PROPOSED)
    condition = ledger.NoneSince(kinds={EntryKind.STANDING_PROPOSED, EntryKind.STANDING_REVOKED}, seq=seen.seq)
    append(engine, "of another use case", use_case="ferry", kind=EntryKind.STANDING_REVOKED)
    append(engine, "of another kind")
    on_condition = append(engine, "two", condition=condition)
    revoked = append(engine, "three", kind=EntryKind.STANDING_REVOKED)
    with pytest.raises(LedgerError, match=rf"entry {revoked.seq} \(standing_revoked\) was recorded since"):
        append(engine, "four", condition=condition)
    assert append(engine, "two", condition=condition) == on_condition


def test_an_empty_ledger_holds(engine: sa.Engine) -> None:
    assert ledger.verify(engine) == GENESIS


def test_the_same_entry_twice_is_one_entry(engine: sa.Engine) -> None:
    assert append(engine, payload=verdict(a=(1, 2))) == append(engine, payload=verdict(a=[1, 2]))
    assert len(ledger.entries(engine)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": EntryKind.PARITY},
        {"use_case": "bikes"},
        {"night": None},
        {"subject": "m2"},
        {"payload": verdict(auc=0.8)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_other_content_is_refused(engine: sa.Engine, change: dict[str, Any]) -> None:
    append(engine)
    with pytest.raises(LedgerError, match=r"already has the key 'one' as entry 1 .* use another key"):
        append(engine, **change)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()], ids=["nan", "infinity", "object"])
def test_a_payload_that_is_not_json_is_refused(engine: sa.Engine, value: Any) -> None:
    with pytest.raises(LedgerError, match=r"JSON .*; store None (instead|for them)"):
        append(engine, payload=verdict(auc=value))


@pytest.mark.parametrize("kind", [EntryKind.JUDGED, EntryKind.UPGRADED])
def test_a_payload_of_another_kind_is_refused_and_nothing_is_written(engine: sa.Engine, kind: EntryKind) -> None:
    with pytest.raises(LedgerError, match=f"entries of the kind <?.*{kind}.* have a .*, got a Unfrozen"):
        append(engine, kind=kind, payload=Unfrozen(who="ann", why="a test"))
    assert ledger.entries(engine) == ()


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_of_payload_is_read_back_as_it_was_appended(engine: sa.Engine, kind: EntryKind) -> None:
    append(engine, kind=kind)
    (entry,) = ledger.entries(engine, kind=kind, forgotten=True)
    assert ledger_entries.read(entry, type(payloads.SAMPLES[kind])) == payloads.SAMPLES[kind]


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({}, ["a", "b", "c"]),
        ({"use_case": "bikes"}, ["c"]),
        ({"kind": EntryKind.PARITY}, ["b"]),
        ({"night": NIGHT}, ["a", "c"]),
        ({"subject": "m1", "use_case": "taxi"}, ["a", "b"]),
    ],
)
def test_entries_are_found_by_what_they_are(engine: sa.Engine, asked: dict[str, Any], keys: list[str]) -> None:
    append(engine, "a")
    append(engine, "b", kind=EntryKind.PARITY, night=None)
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
        "UPDATE ledger SET payload = replace(payload, ',', ', ') WHERE seq = 2",
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
    with pytest.raises(LedgerError, match="tampered with: entry 2: .* Promote nothing"):
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
    result = ledger.champion(engine, "taxi", **asked)
    assert result is not None
    assert result.subject == subject


def test_a_promotion_of_an_older_night_written_later_does_not_change_later_nights(engine: sa.Engine) -> None:
    promote(engine, "m2", night=12, recorded_hour=0)
    promote(engine, "m1", night=10, recorded_hour=1)
    result = ledger.champion(engine, "taxi", until_night=date(2013, 2, 20))
    assert result is not None
    assert result.subject == "m2"


RACER = """
import sys
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind, Unfrozen
engine = warehouse.engine(sys.argv[1])
ended = {"kind": EntryKind.UNFROZEN, "payload": Unfrozen(who="ann", why="a test")}
for n in range(20):
    for key in (f"shared {n}", f"own {sys.argv[2]} {n}"):
        ledger.append(engine, **ended, use_case="taxi", night=None, subject="m1", key=key)
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
    kinds = (EntryKind.JUDGED, EntryKind.ACCEPTANCE_TESTED, EntryKind.PROMOTED)
    written = [append(engine, str(number), kind=kind) for number, kind in enumerate(kinds)]
    append(engine, "4", kind=EntryKind.JUDGED, use_case="another")
    wanted = (EntryKind.PROMOTED, EntryKind.JUDGED)
    assert ledger.entries_of_kinds(engine, "taxi", wanted) == (written[0], written[2])
    assert ledger.kinds(engine) == ("acceptance_tested", "judged", "promoted")


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        pytest.param({}, ["c", "b", "a"], id="everything, newest first"),
        pytest.param({"limit": 1, "offset": 1}, ["b"], id="a page"),
        pytest.param({"text": "GRÜN"}, [], id="letters beyond ASCII in another case are others on SQLite"),
        pytest.param({"text": "grün"}, ["b"], id="in the payload"),
        pytest.param({"text": "M_"}, ["c"], id="an underscore is no wildcard"),
        pytest.param({"kind": EntryKind.JUDGED, "text": "m1"}, ["a"], id="all at once"),
        pytest.param({"as_of": datetime(2013, 3, 2, tzinfo=UTC)}, ["b", "a"], id="as it stood"),
        pytest.param({"use_case": "another"}, [], id="of another use case"),
    ],
)
def test_entries_are_searched(engine: sa.Engine, asked: dict[str, Any], result: list[str]) -> None:
    moments = [datetime(2013, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    append(engine, "a", recorded_at=moments[0])
    append(engine, "b", kind=EntryKind.UNFROZEN, payload=Unfrozen(who="ann", why="grün"), recorded_at=moments[1])
    append(engine, "c", kind=EntryKind.UNFROZEN, subject="m_2", recorded_at=moments[2])
    if engine.dialect.name == "postgresql" and asked.get("text") == "GRÜN":
        result = ["b"]
    page = ledger.search(engine, **asked)
    assert [each.key for each in page.entries] == result
    assert page.count == (3 if "limit" in asked else len(result))


def test_a_search_that_meets_an_entry_that_is_no_json_names_what_tells_which(engine: sa.Engine) -> None:
    append(engine)
    tamper(engine, "UPDATE ledger SET payload = 'no'")
    with pytest.raises(LedgerError, match="`ratchet ledger` names it"):
        ledger.search(engine)


def upgraded(**changes: Any) -> Entry:
    """Return the entry by which a home came from the last schema that had the former names."""
    payload = payloads.stored(EntryKind.UPGRADED)
    fields = {"use_case": "", "subject": former_names.LAST_SCHEMA, "key": "upgraded:0007"}
    return raw_entries.draft(EntryKind.UPGRADED, payload, **(fields | changes))


CHECK = {"name": "log loss", "value": 0.51, "bar": "at most 0.69"}
FORMER: list[tuple[str, dict[str, Any], EntryKind, Payload]] = [
    (
        "shifted",
        {"trained": "2024-03-01", "share": 0.05},
        EntryKind.TRAFFIC_SHIFTED,
        TrafficShifted(trained_night=date(2024, 3, 1), share=0.05),
    ),
    (
        "shadowed",
        {"trained": "2024-03-01"},
        EntryKind.SHADOW_STARTED,
        ShadowStarted(trained_night=date(2024, 3, 1)),
    ),
    (
        "tested",
        {"outcome": "pass", "checks": [CHECK | {"answer": "pass"}]},
        EntryKind.ACCEPTANCE_TESTED,
        AcceptanceTested(outcome="pass", checks=(payloads.CHECK,)),
    ),
    (
        "issued",
        {"rows": 10, "wrong": 1, "checks": [], "evidence": "e", "waived_by": "ann"},
        EntryKind.SCORES_PUBLISHED,
        PublicationDecided(rows=10, invalid=1, checks=(), evidence="e", overridden_by="ann"),
    ),
    (
        "decided",
        {"retrain": False, "reason": "none", "held_until": "2024-03-08", "reads": {"valid/rides": 3}},
        EntryKind.RETRAINING_DECIDED,
        RetrainingDecided(
            retrain=False, reason="none", throttled_until="2024-03-08", table_versions={"valid/rides": 3}
        ),
    ),
    ("thawed", {"who": "ann", "why": "a test"}, EntryKind.UNFROZEN, Unfrozen(who="ann", why="a test")),
]
# The kind was called so then too, but not the fields.
FORMER_FIELDS: list[tuple[str, dict[str, Any], EntryKind, Payload]] = [
    (
        "judged",
        {"outcome": "keep", "reason": "no", "bar": "alone", "reads": {"valid/rides": 3}, "model_card.md": "c" * 64},
        EntryKind.JUDGED,
        Verdict(
            outcome="keep",
            reason="no",
            rule="champion_unavailable",
            table_versions={"valid/rides": 3},
            model_card="c" * 64,
        ),
    ),
    (
        "frozen",
        {"from": "2024-03-01", "until": "2024-03-02", "who": "ann", "why": "a test"},
        EntryKind.FROZEN,
        Frozen(since="2024-03-01", until="2024-03-02", who="ann", why="a test"),
    ),
    (
        "tuned",
        {"recipe": "r", "trials": 3, "settings": {"leaves": 31}},
        EntryKind.TUNED,
        Tuned(recipe="r", trials=3, hyperparameters={"leaves": 31}),
    ),
    (
        "promoted",
        {"approved_by": ["ann"], "evidence": "e", "canary": "2024-03-01"},
        EntryKind.PROMOTED,
        Promoted(approved_by=("ann",), evidence="e", canary_night=date(2024, 3, 1)),
    ),
]


@pytest.mark.parametrize(
    ("kind", "payload", "today", "expected"), FORMER + FORMER_FIELDS, ids=lambda value: str(value)[:12]
)
def test_what_was_written_under_former_names_before_the_upgrade_has_those_of_today(
    engine: sa.Engine, kind: str, payload: dict[str, Any], today: EntryKind, expected: Payload
) -> None:
    raw_entries.insert(engine, [raw_entries.draft(kind, payload, key="one"), upgraded()])
    (entry,) = ledger.entries(engine, "taxi", today)
    assert (entry.kind, ledger_entries.read(entry, type(expected))) == (today, expected)
    assert set(entry.payload) <= set(asdict(expected))
    assert ledger.entries(engine, "taxi") == ledger.entries_of_kinds(engine, "taxi", (today,)) == (entry,)
    assert ledger.search(engine, kind=today).entries == (entry,)
    assert ledger.kinds(engine) == tuple(sorted((today, EntryKind.UPGRADED)))


@pytest.mark.parametrize(("kind", "payload", "today", "expected"), FORMER, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param([upgraded()], id="after the upgrade"),
        pytest.param([], id="in a home that was never upgraded"),
        pytest.param([upgraded(subject="0007")], id="after an upgrade from a later schema"),
    ],
)
def test_former_names_written_at_another_time_mean_nothing(
    engine: sa.Engine, kind: str, payload: dict[str, Any], today: EntryKind, expected: Payload, before: list[Entry]
) -> None:
    raw_entries.insert(engine, [*before, raw_entries.draft(kind, payload, key="one")])
    assert ledger.entries(engine, "taxi", today) == ledger.entries_of_kinds(engine, "taxi", (today,)) == ()
    assert ledger.search(engine, kind=today).count == 0
    (entry,) = ledger.entries(engine, "taxi")
    assert (entry.kind, entry.payload) == (kind, payload)
    assert kind in ledger.kinds(engine)
    with pytest.raises(LedgerError, match=f"is of the kind '{kind}'"):
        ledger_entries.read(entry, type(expected))


@pytest.mark.parametrize(("kind", "payload", "today", "expected"), FORMER_FIELDS, ids=lambda value: str(value)[:12])
def test_former_fields_written_after_the_upgrade_are_not_translated(
    engine: sa.Engine, kind: str, payload: dict[str, Any], today: EntryKind, expected: Payload
) -> None:
    raw_entries.insert(engine, [upgraded(), raw_entries.draft(kind, payload, key="one")])
    (entry,) = ledger.entries(engine, "taxi", today)
    assert (entry.kind, entry.payload) == (kind, payload)
    assert asdict(expected).keys() - entry.payload.keys()


def test_only_an_upgrade_of_the_whole_installation_makes_former_names_count(engine: sa.Engine) -> None:
    former = raw_entries.draft("thawed", {"who": "ann", "why": "a test"}, key="one")
    raw_entries.insert(engine, [former, upgraded(use_case="taxi")])
    assert ledger.entries(engine, kind=EntryKind.UNFROZEN) == ()


def test_what_was_written_before_and_after_the_upgrade_is_found_together(engine: sa.Engine) -> None:
    former = raw_entries.draft("thawed", {"who": "ann", "why": "a test"}, key="one")
    raw_entries.insert(engine, [former, upgraded()])
    append(engine, "two", kind=EntryKind.UNFROZEN)
    raw_entries.insert(engine, [raw_entries.draft("thawed", {"who": "eve", "why": "a test"}, key="three")])
    assert [each.key for each in ledger.entries(engine, kind=EntryKind.UNFROZEN)] == ["one", "two"]


def test_a_champion_of_before_the_upgrade_has_the_names_of_today(engine: sa.Engine) -> None:
    payload = {"who": "ann", "why": "a test", "from": "m2"}
    raw_entries.insert(engine, [raw_entries.draft("rolled_back", payload, key="one"), upgraded()])
    champion = ledger.champion(engine, "taxi")
    assert champion is not None
    assert champion.payload == {"who": "ann", "why": "a test", "from_package": "m2"}


def test_what_is_verified_is_the_text_that_was_written(engine: sa.Engine) -> None:
    drafts = [raw_entries.draft(kind, payload, key=str(n)) for n, (kind, payload, *_) in enumerate(FORMER)]
    written = raw_entries.insert(engine, [*drafts, upgraded()])
    assert ledger.verify(engine) == written[-1].digest
    appended = append(engine, "last")
    assert (ledger.verify(engine, written[-1].digest), appended.previous) == (appended.digest, written[-1].digest)
    tamper(engine, "UPDATE ledger SET kind = 'traffic_shifted' WHERE seq = 1")
    with pytest.raises(LedgerError, match="tampered with: entry 1"):
        ledger.verify(engine)


def test_translated_text_in_place_of_what_was_written_is_found(engine: sa.Engine) -> None:
    raw_entries.insert(engine, [raw_entries.draft("shadowed", {"trained": "2024-03-01"}, key="one"), upgraded()])
    tamper(engine, "UPDATE ledger SET payload = replace(payload, 'trained', 'trained_night') WHERE seq = 1")
    with pytest.raises(LedgerError, match="tampered with: entry 1"):
        ledger.verify(engine)


ISSUED = raw_entries.draft(
    "issued",
    {"rows": 10, "wrong": 0, "checks": [], "evidence": "f" * 64},
    night=NIGHT,
    key="taxi:issued:2013-02-08:0af3",
)


def publish(engine: sa.Engine, rows: int = 10) -> Entry:
    return append(
        engine,
        "taxi:scores_published:2013-02-08:0af3",
        kind=EntryKind.SCORES_PUBLISHED,
        payload=payloads.sample(EntryKind.SCORES_PUBLISHED, rows=rows),
    )


def test_the_same_entry_under_its_former_key_is_found_and_not_written_again(engine: sa.Engine) -> None:
    written, _ = raw_entries.insert(engine, [ISSUED, upgraded()])
    result = publish(engine)
    assert (result.seq, result.key, result.digest) == (1, written.key, written.digest)
    assert len(ledger.entries(engine)) == 2


def test_other_content_under_a_former_key_is_refused(engine: sa.Engine) -> None:
    raw_entries.insert(engine, [ISSUED, upgraded()])
    with pytest.raises(LedgerError, match="already has the key 'taxi:issued:2013-02-08:0af3' as entry 1"):
        publish(engine, rows=11)


def test_an_approval_keeps_its_key_and_its_names(engine: sa.Engine) -> None:
    approval = payloads.stored(EntryKind.APPROVED)
    raw_entries.insert(engine, [raw_entries.draft("approved", approval, key="approval/taxi/one"), upgraded()])
    (entry,) = ledger.entries(engine, kind=EntryKind.APPROVED)
    assert ledger_entries.read(entry, ApprovalRecord) == payloads.SAMPLES[EntryKind.APPROVED]
    assert former_names.key(entry.key) == entry.key


def forget(engine: sa.Engine, use_case: str = "taxi") -> Entry:
    return append(
        engine, f"forget {use_case}", kind=EntryKind.FORGOTTEN, use_case=use_case, night=None, subject=use_case
    )


def test_entries_before_a_use_case_was_forgotten_no_longer_count_and_stay_in_the_chain(engine: sa.Engine) -> None:
    promote(engine, "old", night=8)
    append(engine, "of another", kind=EntryKind.PROMOTED, use_case="ferry", subject="theirs")
    forget(engine)
    assert ledger.champion(engine, "taxi") is None
    assert ledger.entries(engine, "taxi") == ()
    assert ledger.entries_of_kinds(engine, "taxi", [EntryKind.PROMOTED]) == ()
    assert [each.subject for each in ledger.entries(engine)] == ["theirs"]
    other = ledger.champion(engine, "ferry")
    assert other is not None
    assert other.subject == "theirs"
    assert len(ledger.entries(engine, "taxi", forgotten=True)) == 2
    assert ledger.search(engine, use_case="taxi").count == 2
    assert ledger.verify(engine)


def test_the_same_key_begins_anew_after_a_use_case_was_forgotten(engine: sa.Engine) -> None:
    before = append(engine, "one", subject="m1")
    forget(engine)
    after = append(engine, "one", subject="m2")
    assert (after.seq, after.subject) == (before.seq + 2, "m2")
    assert append(engine, "one", subject="m2") == after
    assert ledger.stored_key(engine, "taxi", "one") == after.key != before.key
    with pytest.raises(LedgerError, match="already has the key"):
        append(engine, "one", subject="m3")


def test_a_use_case_is_last_forgotten_until_something_is_recorded_of_it(engine: sa.Engine) -> None:
    assert ledger.last_forgotten(engine, "taxi") is None
    entry = forget(engine)
    append(engine, "of another", use_case="ferry")
    assert ledger.last_forgotten(engine, "taxi") == entry
    assert ledger.last_forgotten(engine, "ferry") is None
    append(engine, "one")
    assert ledger.last_forgotten(engine, "taxi") is None
    assert forget(engine).seq > entry.seq
