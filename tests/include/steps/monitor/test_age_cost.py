"""The cost of age in production: counted row by row, from packages that are there, and never the reason of a red night."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import pytest

from include.steps.context import NightContext
from include.steps.features import build, training_set
from include.steps.monitor import age_cost, monitor
from include.stores import packages, table_snapshot
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.packaging import package_files
from ml.retraining import worth
from ml.retraining.worth import WorthFacts
from ml.usecase import RetrainingPrice, Triggers
from tests import recorded
from tests.include.steps.adoption.conftest import Adopted, spoil
from tests.include.steps.conftest import LAST, LATER, NIGHT

Adopt = Callable[..., Adopted]
PRICED = Triggers(
    calibration_gap=None,
    new_labels=None,
    drift=None,
    cooldown_nights=0,
    min_nights=2,
    worth=RetrainingPrice(person_hour=60.0, approval_minutes=30.0, cpu_hour=1e-6),
)
FIRST_COMPARED = "2024-03-18"


def measure(home: Adopted, night: str = LATER) -> WorthFacts | None:
    context = NightContext.load_night("taxi", night)
    files = packages.get(home.settings.packages, home.digest, home.settings.trusted_keys)
    recipe = str(package_files.facts(files)["recipe"])
    tables = table_snapshot.take(context.case, context.settings)
    return age_cost.measure(context, home.digest, recipe, date.fromisoformat(NIGHT), tables)


def damage(home: Adopted, digest: str) -> None:
    path = next(each for each in (home.settings.packages / digest).iterdir() if each.name == "manifest.json")
    path.chmod(0o644)
    path.write_text("{}")


def decided(home: Adopted) -> RetrainingDecided:
    monitor.measure("taxi", LATER)
    return recorded.payloads(home.settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided)[-1]


def counted_row_by_row(home: Adopted) -> tuple[list[float], int]:
    """Return how much more the older package costs than the younger one on each matured night."""
    context = NightContext.load_night("taxi", LATER)
    tables = table_snapshot.take(context.case, context.settings)
    features = build.read(home.settings.lake, home.case, FIRST_COMPARED, LATER)
    known = training_set.label_events(home.case, context.night, tables)
    rows = training_set.join_labels(home.case, context.night, features, known)
    cost = home.case.cost
    assert cost is not None
    excess: dict[str, float] = {}
    for digest, sign in ((home.before, 1), (home.digest, -1)):
        model = package_files.load(packages.get(home.settings.packages, digest, home.settings.trusted_keys))
        for row, label, night in zip(rows.frame.to_dict("records"), rows.labels, rows.nights, strict=True):
            acts = model.predict_row(row) * cost.miss * cost.averted > cost.act
            paid = cost.act + label * cost.miss * (1 - cost.averted) if acts else label * cost.miss
            excess[str(night)] = excess.get(str(night), 0.0) + sign * paid
    return list(excess.values()), len(excess)


def test_the_cost_of_age_is_the_one_counted_row_by_row(adopt: Adopt) -> None:
    home = adopt(spoil, triggers=PRICED)
    facts = measure(home)
    excess, nights = counted_row_by_row(home)
    assert facts is not None
    assert nights == facts.nights >= 2
    assert facts.age_cost == pytest.approx(np.mean(excess))  # one model is a night older than the other
    assert facts.age_cost != 0
    assert facts.error == pytest.approx(np.std(excess, ddof=1) / np.sqrt(nights))
    assert facts.cpu_seconds is not None
    assert (facts.cpu_seconds > 0, facts.fault) == (True, "")


def test_without_a_price_nothing_is_measured(adopt: Adopt) -> None:
    home = adopt(spoil)
    damage(home, home.before)
    assert measure(home) is None


def test_the_facts_and_the_finding_are_in_the_ledger(adopt: Adopt) -> None:
    home = adopt(spoil, triggers=PRICED)
    facts, decision = measure(home), decided(home)
    assert facts is not None
    assert decision.facts["worth"] == asdict(facts)
    (finding,) = decision.findings
    assert finding["trigger"] == "worth"
    assert finding["threshold"] == pytest.approx(30.0, abs=1e-3)
    assert PRICED.worth is not None
    age = (date.fromisoformat(LATER) - date.fromisoformat(LAST)).days  # the copy has the facts of the first champion
    assert finding["value"] == pytest.approx(worth.forecast_saving(PRICED.worth, facts, age))


def test_a_package_that_was_pruned_is_not_compared(adopt: Adopt) -> None:
    home = adopt(spoil, triggers=PRICED)
    packages.remove(home.settings.packages, home.before)
    facts = measure(home)
    assert facts is not None
    assert (facts.age_cost, facts.nights, facts.fault) == (None, 0, "")


def test_a_damaged_package_is_insufficient_data_with_its_reason(adopt: Adopt) -> None:
    home = adopt(spoil, triggers=PRICED)
    damage(home, home.before)
    decision = decided(home)
    assert not decision.retrain
    assert decision.reason.startswith("nothing fired; insufficient data: worth (the cost of age cannot be computed: ")
    (finding,) = decision.findings
    assert (finding["state"], finding["value"]) == ("insufficient data", None)


def test_what_is_known_as_of_a_night_does_not_change_with_later_nights(
    adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = adopt(spoil, triggers=PRICED)
    early, late = measure(home, "2024-03-20"), measure(home)
    assert early is not None
    assert late is not None
    assert early.nights < late.nights
    read: list[Any] = []
    label_events = training_set.label_events
    monkeypatch.setattr(training_set, "label_events", lambda *args: read.append(args[1]) or label_events(*args))
    assert measure(home, "2024-03-20") == early
    assert read == [date(2024, 3, 20)]
