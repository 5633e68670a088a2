"""Which share of the features has moved, by the declared reference, beside the indexes of each feature."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps.features import training_profile
from include.steps.monitor import monitor, prediction_drift
from include.steps.score import score
from include.stores import lake, report_paths, warehouse
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.retraining.triggers import TriggerState
from ml.usecase import Drift, UseCase
from tests import recorded

Arrive = Callable[[str], Settings]
NIGHT = "2024-03-18"


@pytest.mark.parametrize(
    ("declared", "state"),
    [
        (Drift(psi_threshold=50.0), TriggerState.NOT_FIRED),
        (Drift(reference="past", psi_threshold=50.0), TriggerState.NOT_FIRED),
        (Drift(share=0.0, psi_threshold=1e-9), TriggerState.SUPPRESSED),
        (Drift(reference="season", season_nights=364), TriggerState.INSUFFICIENT_DATA),
    ],
    ids=["what was learned", "all before", "told, not obeyed", "no such season yet"],
)
def test_the_declared_drift_is_a_finding_of_the_night(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch, declared: Drift, state: TriggerState
) -> None:
    settings = arrive("monitor")
    drifting = replace(taxi, triggers=replace(taxi.triggers, drift=declared, window_nights=2))
    monkeypatch.setattr(usecases, "get", lambda _: drifting)
    assert monitor.measure("taxi", NIGHT) is False
    engine = warehouse.engine(settings.warehouse_url)
    (decided,) = recorded.payloads(settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)
    (finding,) = [each for each in decided.findings if each["trigger"] == "drift"]
    assert finding["state"] == state
    shares = [each.value for each in warehouse.metrics(engine, "taxi", metric=f"drifted_share:{declared.reference}")]
    assert shares == ([] if state is TriggerState.INSUFFICIENT_DATA else [finding["value"]])


def test_a_drift_that_is_switched_off_measures_each_feature_alone(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, triggers=replace(taxi.triggers, drift=None)))
    monitor.measure("taxi", NIGHT)
    names = {each.metric for each in warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")}
    assert "drifted_share" in names
    assert not [each for each in names if each.startswith("drifted_share:")]


def test_values_that_are_missing_infinite_or_beyond_what_was_learned_are_counted_each_night(arrive: Arrive) -> None:
    settings = arrive("monitor")
    monitor.measure("taxi", NIGHT)
    result = warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")
    counts = {each.metric: each.value for each in result}
    assert counts["infinite_values"] == 0
    for name in ("missing_values", "out_of_range_values"):
        parts = [value for metric, value in counts.items() if metric.startswith(f"{name}:") and value is not None]
        assert counts[name] == sum(parts)


def read_periods(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return a list to which the first and the last night of every read of features are added."""
    periods, read = list[tuple[str, str]](), lake.read

    def noted(uri: str, first: str = "", last: str = "9999", *args: Any, **more: Any) -> pd.DataFrame:
        if uri.endswith("/features/entities"):
            periods.append((first, last))
        return read(uri, first, last, *args, **more)

    monkeypatch.setattr(lake, "read", noted)
    return periods


@pytest.mark.parametrize("reference", ["training", "season"])
def test_a_night_without_retraining_reads_no_training_night(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch, reference: Any
) -> None:
    arrive("monitor")
    season = 364 if reference == "season" else None
    declared = Drift(reference=reference, season_nights=season, psi_threshold=50.0)
    still = replace(taxi, triggers=replace(taxi.triggers, drift=declared, window_nights=2))
    monkeypatch.setattr(usecases, "get", lambda _: still)
    periods = read_periods(monkeypatch)
    assert monitor.measure("taxi", NIGHT) is False
    nights = [f"2024-03-{day:02d}" for day in range(1, 17)]  # those of the history, which the champion was trained on
    assert (NIGHT, NIGHT) in periods
    assert [each for each in periods if any(each[0] <= night <= each[1] for night in nights)] == []


@pytest.mark.usefixtures("judgeable")
def test_a_night_that_retrains_reads_the_training_nights_for_its_report(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    aged = replace(taxi.triggers, age_nights=0, cooldown_nights=0)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, triggers=aged))
    periods = read_periods(monkeypatch)
    assert monitor.measure("taxi", NIGHT) is True
    assert [each for each in periods if each[0] == "2024-03-01"] != []
    assert (settings.reports / "taxi" / NIGHT / "drift.html").stat().st_size > 0


@pytest.mark.usefixtures("judgeable")
def test_a_drift_report_that_fails_is_an_alert_and_the_decision_stands(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    aged = replace(taxi.triggers, age_nights=0, cooldown_nights=0)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, triggers=aged))
    monkeypatch.setattr(report_paths, "write_drift_report", lambda *_: 1 / 0)
    assert monitor.measure("taxi", NIGHT) is True
    assert monitor.measure("taxi", NIGHT) is True
    alerts = warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi")
    (alert,) = [each for each in alerts if each.kind == "drift_report"]
    assert alert.message == (
        "the drift report could not be written (ZeroDivisionError: division by zero); the decision of the night stands"
    )


def test_a_champion_of_before_is_measured_as_one_whose_package_has_the_profile(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []
    monkeypatch.setattr(prediction_drift, "_MIN_ROWS", 1)
    for file in (training_profile.FILE, "a file that packages of before do not have"):
        monkeypatch.setattr(training_profile, "FILE", file)
        settings = arrive("monitor")
        score.score("taxi", NIGHT)
        monitor.measure("taxi", NIGHT)
        result = warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")
        measured.append({(each.night, each.slice, each.metric): (each.value, each.n) for each in result})
    assert measured[0] == measured[1]
    assert {"psi:zone", "drifted_share:training", "prediction_drift_psi"} <= {metric for _, _, metric in measured[0]}
