"""The ledger searched, turned page by page, and as it stood at a moment."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from include.dashboard import ledger_page
from include.dashboard.ledger_page import ChainStatus, LedgerPage, LedgerQuery, Verifier
from include.settings import Settings
from include.stores import ledger, warehouse
from ml.errors import RequestError
from tests.include.dashboard.conftest import CHAMPION, LAST, MOMENT, OLD, decided
from tests.stack import raw_entries

CHAIN = ChainStatus(head="", fault="", verified_at=MOMENT)


def result(engine: sa.Engine, **query: str) -> LedgerPage:
    return ledger_page.gather(engine, ledger_page.parse_query(query), CHAIN)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param({"kind": "judged"}, 14, id="by kind"),
        pytest.param({"text": "APPROVED_BY"}, 2, id="by words, in any case"),
        pytest.param({"text": "100%"}, 0, id="a wildcard is a letter like others"),
        pytest.param({"night": "2013-02-08"}, 4, id="by night"),
        pytest.param({"use_case": "employment"}, 0, id="by use case"),
        pytest.param({"kind": "promoted", "at": "2013-03-01T00:00"}, 1, id="as it stood then"),
        pytest.param({"use_case": "", "kind": "", "text": "", "night": "", "at": ""}, 1480, id="an empty form"),
    ],
)
def test_entries_are_found(engine: sa.Engine, query: dict[str, str], count: int) -> None:
    assert result(engine, **query).count == count


def test_pages_follow_one_another_without_a_gap(engine: sa.Engine) -> None:
    pages = [result(engine, kind="retraining_decided", page=str(page)) for page in range(1, 9)]
    numbers = [each.entry.seq for page in pages for each in page.entries]
    assert pages[0].pages == 8
    assert len(numbers) == pages[0].count
    assert numbers == sorted(set(numbers), reverse=True)


@pytest.mark.parametrize(
    ("at", "champion"),
    [("2012-12-31", None), ("2013-03-01T00:00", OLD), ("2013-06-01T09:30+02:00", CHAMPION), ("2013-12-31", CHAMPION)],
)
def test_it_is_told_who_was_champion_at_a_moment(engine: sa.Engine, at: str, champion: str | None) -> None:
    (then,) = result(engine, use_case="flights", at=at).champions
    assert (then.entry.subject if then.entry else None) == champion


def test_without_a_moment_nobody_is_told_of(engine: sa.Engine) -> None:
    assert result(engine).champions == ()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"night": "yesterday"}, "expected night to be a day"),
        ({"at": "noon"}, "expected at to be a moment"),
        ({"page": "0"}, "expected page to be a whole number"),
        ({"page": "-1"}, "expected page to be a whole number"),
        ({"page": "9" * 20}, "expected page to be a whole number"),
        ({"page": "²"}, "expected page to be a whole number"),
        ({"at": "9999-12-31T23:59-05:00"}, "expected at to be a moment"),
        ({"text": "a\0b"}, "got a NUL character"),
        ({"kind": "decided"}, "expected kind to be one of .*retraining_decided.*, got 'decided'"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(query: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        ledger_page.parse_query(query)


def test_an_unknown_use_case_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(RequestError, match="expected one of the use cases"):
        ledger_page.gather(engine, LedgerQuery(use_case="nothing"), CHAIN)


def test_a_moment_without_a_zone_is_utc() -> None:
    assert ledger_page.parse_query({"at": "2013-03-01T12:00"}).at == datetime(2013, 3, 1, 12, tzinfo=UTC)


def test_an_untouched_chain_is_verified(engine: sa.Engine) -> None:
    chain = ledger_page.verify(engine, MOMENT)
    assert (chain.fault, chain.head) == ("", ledger.verify(engine))


def test_a_changed_entry_is_told_within_a_minute(home: Settings) -> None:
    engine, verifier = warehouse.engine(home.warehouse_url), Verifier()
    raw_entries.insert(engine, [decided(LAST, retrain=False)])
    assert verifier.verify(engine, MOMENT).fault == ""
    with warehouse.write_transaction(engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_refuses_update")
        connection.exec_driver_sql("UPDATE ledger SET subject = 'another'")
    assert verifier.verify(engine, MOMENT + timedelta(seconds=59)).fault == ""
    assert "entry 1" in verifier.verify(engine, MOMENT + timedelta(seconds=60)).fault
