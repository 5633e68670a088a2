"""A first model that was refused is tried again once something was mended; every other verdict stands."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from include import provenance, usecases
from include.settings import Settings
from include.steps import ingest, release, train
from include.steps.features import build
from include.stores import ledger, warehouse
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind
from ml.governance.ledger_text import describe
from ml.usecase import BlackoutPeriod, Budget, Gates, Invariant, UseCase
from tests import recorded
from tests.include.steps.conftest import HISTORY, LAST, STEPS, contents

Arrive = Callable[[str], Settings]
EARLY, FEW = "2024-03-03", "2024-03-01..2024-03-05"


def judged(settings: Settings) -> tuple[Entry, ...]:
    return ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.JUDGED)


def test_a_refused_first_model_is_tried_anew_after_more_history_came(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("ingest")
    ingest.ingest("taxi", FEW)
    build.build("taxi", FEW)
    assert not train.train("taxi", LAST, train.BOOTSTRAP)
    STEPS["ingest"]()
    STEPS["features"]()
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    refused, promoted = judged(settings)
    assert [each.outcome for each in recorded.verdicts(settings)] == ["inconclusive", "promote"]
    assert (refused.key, promoted.key) == (f"taxi:judged:{LAST}", f"taxi:judged:{LAST}:2")


def test_a_refusal_before_anything_came_is_tried_anew_once_it_has(arrive: Arrive) -> None:
    settings = arrive("ingest")
    assert not train.train("taxi", LAST, train.BOOTSTRAP)
    STEPS["ingest"]()
    STEPS["features"]()
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    assert len(judged(settings)) == 2


def test_a_refused_first_model_is_tried_anew_after_the_use_case_was_mended(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    strict = replace(taxi, gates=Gates(judged_nights=4, min_auc=0.94))
    with monkeypatch.context() as patch:
        patch.setattr(usecases, "get", lambda _: strict)
        assert not train.train("taxi", LAST, train.BOOTSTRAP)
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    assert [each.outcome != "promote" for each in recorded.verdicts(settings)] == [True, False]


def test_a_first_model_that_failed_its_acceptance_tests_is_trained_again_after_the_bar_changed(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    strict = Invariant(name="zones", feature="zone", values=("north", "nowhere"), tolerance=0.1, why="a test")
    with monkeypatch.context() as patch:
        patch.setattr(usecases, "get", lambda _: replace(taxi, expectations=(strict,)))
        assert train.train("taxi", LAST, train.BOOTSTRAP)
        assert release.run_acceptance_tests("taxi", LAST) is None
        assert train.train("taxi", LAST, train.BOOTSTRAP)
        assert len(recorded.verdicts(settings)) == 1
    (report,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.ACCEPTANCE_TESTED)
    assert re.search(r"fails zones missing \(bar: .* in at most 0% of rows, set by expectations\)", describe(report))
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    assert len(recorded.verdicts(settings)) == 2
    assert release.run_acceptance_tests("taxi", LAST)


@pytest.mark.parametrize("later", ["the code of before", ""])
def test_a_refused_first_model_is_trained_again_after_the_code_changed(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    settings = arrive("train")
    monkeypatch.setattr(provenance, "code_version", lambda: "the code of before")
    assert not train.train("taxi", EARLY, train.BOOTSTRAP)
    monkeypatch.setattr(provenance, "code_version", lambda: later)
    assert not train.train("taxi", EARLY, train.BOOTSTRAP)
    assert len(recorded.verdicts(settings)) == (1 if later else 2)


def test_a_refusal_stands_while_nothing_was_mended(arrive: Arrive) -> None:
    settings = arrive("train")
    assert not train.train("taxi", EARLY, train.BOOTSTRAP)
    left = contents(settings)
    assert not train.train("taxi", EARLY, train.BOOTSTRAP)
    assert contents(settings) == left


def test_a_first_model_that_was_let_in_stands_whatever_comes_after(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    ingest.ingest("taxi", HISTORY)
    build.build("taxi", HISTORY)
    left = contents(settings)
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    assert contents(settings) == left


def test_with_a_champion_a_night_is_judged_once(arrive: Arrive) -> None:
    settings = arrive("monitor")
    outcome = train.train("taxi", "2024-03-18", "person")
    ingest.ingest("taxi", "2024-03-18")
    build.build("taxi", "2024-03-18")
    left = contents(settings)
    assert train.train("taxi", "2024-03-18", "person") is outcome is False
    assert contents(settings) == left


def test_a_person_is_not_held_back_by_the_budget_and_the_verdict_tells_how_much_of_it_was_spent(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("ingest")
    triggers = replace(
        taxi.triggers,
        budget=Budget(trainings=1, nights=28),
        blackouts=(BlackoutPeriod(nights="01-01..12-31", why="by hand only"),),
    )
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, triggers=triggers))
    asked = [train.train("taxi", night, train.BOOTSTRAP) for night in (EARLY, LAST)]
    assert asked == [False, False]
    assert [each.budget for each in recorded.verdicts(settings)] == [
        "0 of 1 trainings in 28 nights are used",
        "1 of 1 trainings in 28 nights are used",
    ]
