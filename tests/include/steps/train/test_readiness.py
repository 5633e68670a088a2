"""What a first model needs is counted in the declaration, the landing area and the labels."""

from dataclasses import replace
from pathlib import Path

import pytest

from include.settings import Settings
from include.steps import ingest
from include.steps.train import readiness
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind, Promoted
from ml.usecase import Demo, UseCase
from tests.include.steps.conftest import without_a_source


def test_a_use_case_with_a_source_has_declared_nights_and_then_labels(home: Settings, gym: UseCase) -> None:
    before = readiness.measure(gym, home)
    assert before is not None
    assert (before.needed_nights, before.declared_nights, before.landed_nights) == (8, 12, None)
    assert before.missing == ("labels of 8 nights: wait for labels, or land them",)
    ingest.ingest("gym", gym.demo.history)
    after = readiness.measure(gym, home)
    assert after is not None
    assert after.missing == ()
    assert set(after.labels or {}) == {"0", "1"}
    assert after.describe().startswith(
        "a first model needs labels of 8 nights or more: 12 are declared, files come from source.py, "
    )


def test_what_has_not_landed_or_was_not_declared_is_missing(
    home: Settings, gym: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_source(monkeypatch)
    for period, name in (
        ("2023-01-01..2023-03-01", "members.csv"),
        ("2023-03-01", "members.csv"),
        ("2023-04-01", "renewals.csv"),
        ("notes", "members.csv"),
    ):
        folder = Path(home.landing, "gym", period)
        folder.mkdir(parents=True)
        (folder / name).write_text("member\n")
    short = replace(gym, demo=Demo(history="2023-01-01..2023-05-01", nights="2024-01-01..2024-05-01"))
    needs = readiness.measure(short, home)
    assert needs is not None
    assert needs.missing == (
        "3 nights of Demo(history=...): declare a longer one",
        "files of 5 nights: land more history",
        "labels of 8 nights: wait for labels, or land them",
    )


def test_labels_of_one_class_are_not_enough() -> None:
    needs = readiness.Readiness(
        needed_nights=8, declared_nights=12, landed_nights=None, labelled_nights=9, labels={"0": 900}, classes=2
    )
    assert needs.missing == ("labels of 2 classes: all are 0",)


def test_with_a_champion_nothing_is_needed(home: Settings, gym: UseCase) -> None:
    engine, promoted = warehouse.engine(home.warehouse_url), Promoted(approved_by=(), evidence="")
    night = gym.schedule.parse("2023-12-01").last
    ledger.append(engine, kind=EntryKind.PROMOTED, use_case="gym", night=night, subject="c", payload=promoted, key="p")
    assert readiness.measure(gym, home) is None
