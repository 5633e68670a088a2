import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from include import usecases
from include.settings import Settings
from include.steps import train
from include.stores import packages, tuning_studies
from ml.governance.ledger_entries import EntryKind, Tuned
from ml.packaging import package_files
from ml.usecase import Logistic, Tuning, UseCase
from tests import recorded
from tests.include.steps.conftest import LAST

Arrive = Callable[[str], Settings]
Tune = Callable[[Tuning], UseCase]


@pytest.fixture
def tune(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Tune:
    """Let the toy have one candidate, whose settings are searched."""

    def declare(tuning: Tuning) -> UseCase:
        case = replace(taxi, candidates=(Logistic(strength=1e-5),), tuning=tuning)
        monkeypatch.setattr(usecases, "get", lambda name: case)
        return case

    return declare


def searches(settings: Settings) -> tuple[Tuned, ...]:
    return recorded.payloads(settings, EntryKind.TUNED, Tuned)


def test_the_first_model_has_the_settings_that_were_found_and_its_package_tells_them(
    arrive: Arrive, tune: Tune, caplog: pytest.LogCaptureFixture
) -> None:
    settings = arrive("train")
    tune(Tuning(trials=4))
    with caplog.at_level(logging.INFO):
        train.train("taxi", LAST, train.BOOTSTRAP)
    [tuned], [judged] = searches(settings), recorded.verdicts(settings)
    facts = package_files.facts(packages.get(settings.packages, str(judged.package), settings.trusted_keys))
    result = tuned.hyperparameters["strength"]
    assert facts["settings"]["strength"] == result != 1e-5  # type: ignore[index]
    progress = [record.getMessage() for record in caplog.records if "tuning logistic" in record.getMessage()]
    assert [each.split(":")[0] for each in progress] == [f"tuning logistic, trial {n} of 4" for n in (1, 2, 3, 4)]


def test_what_was_found_is_kept_and_nothing_is_searched_again(
    arrive: Arrive, tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    tune(Tuning(trials=2))
    train.train("taxi", "2024-03-03", train.BOOTSTRAP)
    train.train("taxi", "2024-03-15", train.BOOTSTRAP)
    monkeypatch.setattr(tuning_studies, "search", lambda *_: pytest.fail("searched again"))
    train.train("taxi", LAST, train.BOOTSTRAP)
    assert len(searches(settings)) == 1


def test_a_person_may_ask_for_another_search(arrive: Arrive, tune: Tune) -> None:
    settings = arrive("train")
    tune(Tuning(trials=2))
    train.train("taxi", "2024-03-15", train.BOOTSTRAP)
    train.train("taxi", LAST, train.BOOTSTRAP, tune=True)
    assert len(searches(settings)) == 2


def test_a_search_that_takes_too_long_refuses_the_training_and_what_was_tried_is_kept(
    arrive: Arrive, tune: Tune
) -> None:
    settings = arrive("train")
    tune(Tuning(trials=50, minutes=1e-6))
    assert not train.train("taxi", LAST, train.BOOTSTRAP)
    [judged] = recorded.verdicts(settings)
    assert judged.outcome == "inconclusive"
    assert "expected 50 trials of logistic within 1e-06 minutes, got 1 in" in judged.reason
    assert searches(settings) == ()
    assert [path.name for path in (settings.studies / "taxi").iterdir()] != []
