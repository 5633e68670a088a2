"""A training finds where its model is weak and whom it treats how, and tells it in card, run, folder and ledger."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, train
from include.steps.features import build
from include.stores import lake, report_paths
from include.stores.registry import client
from ml.governance.checks import CheckStatus
from ml.governance.ledger_entries import Verdict
from ml.usecase import EdgeCase, Fairness, Gates, Personal, UseCase, periods
from tests import recorded
from tests.include.steps.conftest import HISTORY, LAST

Arrive = Callable[[str], Settings]


def judged(settings: Settings, use_case: str = "taxi") -> Verdict:
    (verdict,) = recorded.verdicts(settings, use_case)
    return verdict


def test_findings_are_told_in_card_folder_run_and_ledger(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("acceptance tests")
    result = judged(settings).diagnostics
    assert [each["name"] for each in result["segments"]][:3] == ["all", "since 2024-03-14", "evening"]
    assert [(each["level"], each["gated"]) for each in result["groups"]] == [
        ("harbour", True),
        ("north", True),
        ("south", True),
    ]
    assert "group zone=north: ROC AUC minus that of all rows" in [each.name for each in judged(settings).checks]
    page = report_paths.model_card(settings.reports, "taxi", date.fromisoformat(LAST))
    mlflow = client.connect(settings)
    (run,) = mlflow.search_runs([client.experiment_id(mlflow, settings, "taxi")])
    shown = {each.path for each in mlflow.list_artifacts(run.info.run_id)}
    assert "diagnostics.json" in shown
    for name in judged(settings).plots:
        assert (page.parent / f"{name}.svg").read_text().startswith("<svg")
        assert f"]({name}.svg)" in page.read_text()
        assert f"{name}.svg" in shown


def trained(settings: Settings, case: UseCase, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """Train as the changed use case says, and return the verdict."""
    monkeypatch.setattr(usecases, "get", lambda _: case)
    train.train("taxi", LAST, train.BOOTSTRAP)
    return judged(settings)


def test_an_edge_case_that_is_a_feature_holds_where_it_is_known_and_not_0(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    rows = lake.read(build.address(settings.lake, taxi)).sort_values("entity", ignore_index=True)
    odd = np.where(np.arange(len(rows)) % 2, 1.0, np.where(np.arange(len(rows)) % 4, 0.0, np.nan))
    lake.replace(build.address(settings.lake, taxi), periods.parse(HISTORY), rows.assign(kilometres=odd))
    case = replace(taxi, edge_cases=(EdgeCase(name="odd", condition="kilometres", why="a test"),))
    (edge,) = [each for each in trained(settings, case, monkeypatch).diagnostics["segments"] if each["name"] == "odd"]
    assert edge["quality"]["rows"] == 120


def settle(settings: Settings, taxi: UseCase, late: float) -> None:
    """Let every ride of the harbour have one outcome on the judged nights, which nothing learned of could tell."""
    rides = lake.read(build.valid_address(settings.lake, taxi, "rides"))
    settled = (rides["ride_date"] >= "2024-03-08") & (rides["zone"] == "harbour")
    rides = rides.assign(is_late=np.where(settled, late, rides["is_late"]))
    lake.replace(build.valid_address(settings.lake, taxi, "rides"), periods.parse(HISTORY), rides)


def test_a_slice_that_a_model_gets_wrong_keeps_it_out_for_that_reason(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    settle(settings, taxi, 0.0)
    reported = trained(settings, replace(taxi, fairness=None, gates=Gates(judged_nights=8)), monkeypatch)
    assert reported.outcome == "keep"
    assert "slice zone=harbour: log loss gain -" in reported.reason
    assert "slice zone=north" not in reported.reason


def test_a_model_that_is_unfair_is_kept_out_by_the_declared_gate_alone(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    settle(settings, taxi, 1.0)
    reported = trained(
        settings, replace(taxi, candidates=taxi.candidates[1:], gates=Gates(judged_nights=8)), monkeypatch
    )
    assert reported.outcome == "keep"
    refused = [each.name for each in reported.checks if each.status is not CheckStatus.PASS]
    assert refused
    assert all(name.startswith("group zone=harbour: ") for name in refused)


def test_a_group_that_is_too_small_keeps_no_model_out(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    settle(settings, taxi, 1.0)
    few = replace(taxi, gates=Gates(judged_nights=8), fairness=Fairness(group_by=("zone",), min_rows=500))
    assert trained(settings, few, monkeypatch).outcome == "promote"


def test_a_personal_column_that_no_model_sees_is_compared_in_reports(
    home: Settings, gym: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = tuple(
        replace(each, personal=(Personal(column="plan", may_reach=("reports",), why="a test"),))
        if each.name == "members"
        else each
        for each in gym.tables
    )
    case = replace(
        gym,
        tables=tables,
        features=tuple(each for each in gym.features if each.outputs != ("plan",)),
        slices=(),
        deterministic_levels=(),
        fairness=Fairness(group_by=("plan",), min_rows=10_000),
        gates=Gates(judged_nights=4),
    )
    ingest.ingest("gym", gym.demo.history)
    monkeypatch.setattr(usecases, "get", lambda _: case)
    build.build("gym", gym.demo.history)
    train.train("gym", "2023-12-01", train.BOOTSTRAP)
    assert {each["level"] for each in judged(home, "gym").diagnostics["groups"]} == {"full", "weekend", "trial"}
