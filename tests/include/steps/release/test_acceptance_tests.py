"""One report on a package, every check with its number and bar, bound to its digest; who fails it is asked of nobody."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from include import usecases
from include.settings import Settings
from include.steps import release
from include.steps.context import NightContext
from include.steps.release import acceptance_tests
from include.stores import ledger, report_paths, warehouse
from ml.errors import LedgerError, RefusalError
from ml.governance.checks import CheckStatus
from ml.governance.ledger_entries import AcceptanceTested, EntryKind
from ml.usecase import Gates, Invariant, Megabytes, Milliseconds, UseCase, periods
from tests import recorded
from tests.include.steps.conftest import LAST
from tests.include.steps.train.test_diagnostics import settle

Arrive = Callable[[str], Settings]


def reports(settings: Settings) -> tuple[AcceptanceTested, ...]:
    return recorded.payloads(settings, EntryKind.ACCEPTANCE_TESTED, AcceptanceTested)


def report(settings: Settings) -> dict[str, CheckStatus]:
    """Return the last report's answers by check."""
    return {each.name: each.status for each in reports(settings)[-1].checks}


def failing(settings: Settings) -> list[str]:
    return [name for name, answer in report(settings).items() if answer != "pass"]


@pytest.mark.usefixtures("own_processes")
def test_a_sound_package_passes_every_check_and_the_dossier_shows_them(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    dossier = release.render_evidence("taxi", LAST)
    assert "**The acceptance tests have not run on this package.**" in dossier
    assert "Choice among the candidates: logistic is chosen" in dossier
    assert "| candidate | compared with | cost per 1000 rows | log loss | shown |" in dossier
    assert "| logistic | gradient_boosting | " in dossier
    digest = release.run_acceptance_tests("taxi", LAST)
    (entry,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.ACCEPTANCE_TESTED)
    assert (entry.subject, failing(settings)) == (digest, [])
    text = release.render_evidence("taxi", LAST)
    assert "Acceptance tests: **pass**." in text
    assert all(f"| {name} | " in text for name in report(settings))
    assert [name for name in report(settings) if name.startswith("answers of")] == [
        "answers of the server, one by one",
        "answers of the server, together",
        "answers of the server, over HTTP",
        "answers of MLflow",
    ]


ZONES = Invariant(name="all zones are alike", feature="zone", values=("north", "south"), tolerance=1e-9, why="a test")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        pytest.param({"latency_budget": Milliseconds(p99=1e-6)}, "p99 latency of one answer", id="slow"),
        pytest.param({"size_budget": Megabytes(memory=1)}, "memory of the answering process", id="greedy"),
        pytest.param({"size_budget": Megabytes(package=1e-6)}, "size of the package", id="large"),
        pytest.param({"expectations": (replace(ZONES, values=("north", "mars")),)}, "all zones are alike", id="what says nothing"),
    ],
)  # fmt: skip
def test_a_package_that_fails_a_check_is_refused_recorded_and_cannot_be_promoted(
    change: dict[str, Any], refused: str, arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("acceptance tests")
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, **change))
    assert release.run_acceptance_tests("taxi", LAST) is None
    assert [name for name in failing(settings) if name.startswith(refused)]
    for role, user in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("taxi", LAST, role, user, "Approve")
    with pytest.raises(LedgerError, match="has not passed its acceptance tests of 2024-03-16"):
        release.promote("taxi", LAST)


def test_a_stale_card_fails_the_acceptance_tests_and_a_mended_one_passes_the_next(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    page = report_paths.model_card(settings.reports, "taxi", periods.parse(LAST).last)
    text = page.read_text()
    page.write_text(text.replace("**promote**", "**keep**"))
    assert release.run_acceptance_tests("taxi", LAST) is None
    (name,) = failing(settings)
    assert "'**keep**,' where '**promote**,' was recorded" in name
    page.write_text(text)
    assert release.run_acceptance_tests("taxi", LAST) is not None
    assert [each.outcome for each in reports(settings)] == ["fail", "pass"]


def test_groups_are_compared_on_recent_labelled_nights_and_one_treated_otherwise_refuses_the_package(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("acceptance tests")
    settle(settings, taxi, 1.0)  # a correction that came after the gate
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, gates=Gates(judged_nights=8)))
    assert release.run_acceptance_tests("taxi", LAST) is None
    assert report(settings)["labelled rows of recent nights"] == "pass"
    assert report(settings)["group zone=north: calibration relative to all rows"] == "pass"
    assert any(name.startswith("group zone=harbour: ") for name in failing(settings))
    assert all(name.startswith("group zone=") for name in failing(settings))


def test_a_use_case_that_declares_no_fairness_compares_no_groups(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("acceptance tests")
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, fairness=None))
    assert release.run_acceptance_tests("taxi", LAST)
    assert not any(name.startswith(("group", "labelled rows")) for name in report(settings))


def test_without_features_there_is_nothing_to_try_a_package_on(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("acceptance tests")
    (judged,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.JUDGED)
    with pytest.raises(RefusalError, match=r"expected features of taxi in 2024-04-\d\d..2024-04-10"):
        acceptance_tests.run(NightContext(case=taxi, night=periods.parse("2024-04-10").last, settings=settings), judged)
