"""Where use cases stand after a year, and before the first night."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from include import usecases
from include.dashboard import overview
from include.settings import Settings
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert
from ml.governance.ledger_entries import EntryKind, Frozen
from ml.usecase import UseCase
from tests import published
from tests.include.dashboard.conftest import CHAMPION, LAST, MOMENT, NASTY, NEXT, OLD, decided, entry
from tests.stack import raw_entries


@pytest.fixture
def empty(home: Settings) -> sa.Engine:
    return warehouse.engine(home.warehouse_url)


def test_every_use_case_is_there_by_name(engine: sa.Engine) -> None:
    result = overview.gather(engine, MOMENT)
    assert [each.name for each in result.use_cases] == [model.name for model in usecases.models()]
    assert result.unreadable == ()


def test_it_is_told_who_answers_since_when_and_by_whose_word(engine: sa.Engine, case: UseCase) -> None:
    now = overview.status(engine, case, MOMENT)
    assert (now.rollout.champion, now.rollout.standby) == (CHAMPION, OLD)
    assert (now.champion_since, now.approved_by) == (date(2013, 6, 1), ("ann", "cyd"))
    assert now.rollout.challenger is not None
    assert (now.rollout.challenger.digest, now.rollout.challenger.share) == (NEXT, 0.0)


def test_it_is_told_what_the_last_night_brought(engine: sa.Engine, case: UseCase) -> None:
    now = overview.status(engine, case, MOMENT)
    assert (now.last_night, now.rows_in, now.rows_quarantined) == (LAST, 2700, 3)
    assert now.last_decision is not None
    assert (now.last_decision.night, now.is_retraining_due) == (LAST, False)
    assert [each.message for each in now.alerts] == [NASTY]


def test_before_the_first_night_there_is_nothing_and_nobody(empty: sa.Engine, case: UseCase) -> None:
    now = overview.status(empty, case, MOMENT)
    assert (now.rollout.champion, now.last_night, now.last_decision, now.pending) == (None, None, None, None)


@pytest.mark.parametrize("retrain", [True, False])
def test_it_is_told_whether_the_last_decision_asked_for_retraining(
    empty: sa.Engine, case: UseCase, retrain: bool
) -> None:
    raw_entries.insert(empty, [decided(LAST - timedelta(days=1), not retrain), decided(LAST, retrain)])
    assert overview.status(empty, case, MOMENT).is_retraining_due is retrain


def test_after_a_rollback_nobody_approved_of_the_champion(empty: sa.Engine, case: UseCase) -> None:
    promoted, back = entry(EntryKind.PROMOTED, LAST, CHAMPION), entry(EntryKind.ROLLED_BACK, LAST, OLD)
    raw_entries.insert(empty, [promoted, back])
    now = overview.status(empty, case, MOMENT)
    assert (now.rollout.champion, now.champion_since, now.approved_by) == (OLD, LAST, ())


def test_alerts_are_those_of_the_last_week(empty: sa.Engine, case: UseCase) -> None:
    import pandas as pd

    rows = pd.DataFrame({"entity": ["one"], "score": [0.5]})
    published.publish(empty, case.name, LAST, CHAMPION, rows, MOMENT, 1)
    for days in (0, 3, 9):
        alert: dict[str, Any] = {"kind": "drill", "subject": "one", "message": f"{days} days ago"}
        warehouse.raise_alert(empty, Alert(use_case=case.name, night=LAST - timedelta(days=days), **alert))
    assert [each.message for each in overview.status(empty, case, MOMENT).alerts] == ["0 days ago", "3 days ago"]


@pytest.mark.parametrize(("hours", "frozen"), [(-2, False), (0, True), (30, False)])
def test_a_freeze_is_shown_while_it_holds(empty: sa.Engine, case: UseCase, hours: int, frozen: bool) -> None:
    ends = [(MOMENT + timedelta(hours=each)).isoformat() for each in (-1, 24)]
    ledger.append(
        empty,
        kind=EntryKind.FROZEN,
        use_case=case.name,
        night=None,
        subject=case.name,
        payload=Frozen(since=ends[0], until=ends[1], who="ann", why="holidays"),
        key="frozen",
    )
    moment: datetime = MOMENT + timedelta(hours=hours)
    assert (overview.status(empty, case, moment).freeze is not None) is frozen
