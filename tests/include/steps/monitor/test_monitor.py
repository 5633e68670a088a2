import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date

import pytest

from include import usecases
from include.settings import Settings
from include.steps.monitor import monitor
from include.stores import ledger, warehouse
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.retraining.triggers import ChampionFacts
from ml.usecase import Persistence, Personal, Triggers, UseCase
from tests import recorded
from tests.include.steps.conftest import LAST, STEPS, contents

Arrive = Callable[[str], Settings]


def test_without_a_champion_nothing_is_measured_or_asked(arrive: Arrive) -> None:
    settings = arrive("train")
    before = contents(settings)
    assert not monitor.measure("taxi", LAST)
    assert contents(settings) == before


def test_a_matured_night_is_measured_and_the_decision_is_kept_with_every_number(arrive: Arrive) -> None:
    settings = arrive("monitor")
    assert STEPS["monitor"]() is False
    engine = warehouse.engine(settings.warehouse_url)
    (log_loss,) = warehouse.metrics(engine, "taxi", metric="log_loss")
    assert (log_loss.night, log_loss.n) == (date(2024, 3, 17), 60)
    (decided,) = recorded.payloads(settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)
    assert decided.reason == "nothing fired"
    assert [finding["trigger"] for finding in decided.findings] == ["new_labels", "drift"]


def test_drift_of_every_feature_is_shown(arrive: Arrive) -> None:
    settings = arrive("monitor")
    STEPS["monitor"]()
    shown = {each.metric for each in warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")}
    assert {"psi:kilometres", "psi:zone", "drifted_share"} <= shown


def test_drift_of_a_personal_feature_is_shown_only_where_reports_may_tell_it(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    about = (Personal(column="kilometres", may_reach=("features",), why="a test"),)
    tables = tuple(replace(each, personal=about) if each.name == "bookings" else each for each in taxi.tables)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, tables=tables))
    STEPS["monitor"]()
    shown = {each.metric for each in warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")}
    assert "psi:zone" in shown
    assert "psi:kilometres" not in shown


@pytest.mark.usefixtures("judgeable")
def test_a_trigger_that_must_last_remembers_the_nights_before_in_the_ledger(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    lasting = (Persistence(trigger="age_nights", nights=2, out_of=2),)
    triggers = Triggers(calibration_gap=None, age_nights=0, drift=None, cooldown_nights=0, persistence=lasting)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, triggers=triggers))
    assert [monitor.measure("taxi", night) for night in ("2024-03-18", "2024-03-19")] == [False, True]
    entries = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.RETRAINING_DECIDED)
    first, second = (ledger_entries.read(each, RetrainingDecided) for each in entries)
    assert "age_nights (1 of 2 nights, needs 2)" in first.reason
    assert second.trigger == "age_nights"
    assert [each.key for each in entries] == [
        "taxi:retraining_decided:2024-03-18",
        "taxi:retraining_decided:2024-03-19",
    ]


def test_a_trigger_is_held_back_while_the_gate_could_not_judge(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    triggers = Triggers(calibration_gap=None, age_nights=0, drift=None, cooldown_nights=0)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, triggers=triggers))
    assert not monitor.measure("taxi", "2024-03-18")
    (decided,) = recorded.payloads(settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)
    assert decided.trigger is None
    assert re.fullmatch(
        r"age_nights is 2, threshold 0; held back, because the gate could not judge: expected 4 matured nights after "
        r"2024-03-\d\d to judge on, got \d: wait until more labels have come",
        decided.reason,
    )


def test_every_number_that_was_decided_on_is_in_the_ledger(arrive: Arrive) -> None:
    settings = arrive("monitor")
    STEPS["monitor"]()
    (decided,) = recorded.payloads(settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)
    facts = decided.facts
    assert set(facts) == {each.name for each in fields(ChampionFacts)} - {"night", "above_history"} | {"loss_by_age"}
