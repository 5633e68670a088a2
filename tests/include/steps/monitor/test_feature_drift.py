"""Which share of the features has moved, by the declared reference, beside the indexes of each feature."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from include import usecases
from include.settings import Settings
from include.steps.monitor import monitor
from include.stores import warehouse
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
    found = warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")
    counts = {each.metric: each.value for each in found}
    assert counts["infinite_values"] == 0
    for name in ("missing_values", "out_of_range_values"):
        parts = [value for metric, value in counts.items() if metric.startswith(f"{name}:") and value is not None]
        assert counts[name] == sum(parts)
