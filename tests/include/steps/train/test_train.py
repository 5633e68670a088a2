import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from typing import Any

import pytest

from include import provenance, usecases
from include.settings import PROJECT, Settings
from include.steps import train
from include.steps.context import NightContext
from include.steps.features import build, training_set
from include.stores import lake, ledger, packages, table_snapshot, warehouse
from ml.errors import LeakError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import CandidateRecord, EntryKind, Verdict
from ml.ingestion.availability import KNOWN_AT
from ml.packaging import package_files
from ml.usecase import Candidate, GradientBoosting, Megabytes, Milliseconds, NeuralNet, UseCase, periods
from tests import recorded
from tests.conftest import TOYS
from tests.include.steps.conftest import HISTORY, LAST, contents

Arrive = Callable[[str], Settings]


def test_a_leak_stops_training_names_the_feature_and_leaves_nothing(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    rides = lake.read(build.valid_address(settings.lake, taxi, "rides")).set_index("entity")["is_late"]
    rows = lake.read(build.address(settings.lake, taxi))
    leaking = rows.assign(kilometres=rows["entity"].map(rides))
    lake.replace(build.address(settings.lake, taxi), periods.parse(HISTORY), leaking)
    before = contents(settings)
    with pytest.raises(LeakError, match="the feature 'kilometres' gives the label away"):
        train.train("taxi", LAST, train.BOOTSTRAP)
    assert contents(settings) == before


def test_the_traffic_of_the_hour_of_the_ride_stops_training(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    night, tables = periods.parse(LAST).last, table_snapshot.take(taxi, settings)
    rows = training_set.read(NightContext(case=taxi, night=night, settings=settings), tables)
    later = training_set.lookups_at_event(taxi, rows, night, tables)
    reported = rows.frame.set_index("entity").assign(kilometres=later["congestion"].to_numpy())["kilometres"]
    stored = lake.read(build.address(settings.lake, taxi))
    leaking = stored.assign(kilometres=stored["entity"].map(reported).fillna(0.5))
    lake.replace(build.address(settings.lake, taxi), periods.parse(HISTORY), leaking)
    with pytest.raises(LeakError, match="the feature 'kilometres' follows 'congestion' as it was at the time"):
        train.train("taxi", LAST, train.BOOTSTRAP)


def test_the_training_set_holds_matured_nights_and_labels_known_by_the_cutoff(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    night = periods.parse("2024-03-10").last
    rows = training_set.read(
        NightContext(case=taxi, night=night, settings=settings), table_snapshot.take(taxi, settings)
    )
    rides = lake.read(build.valid_address(settings.lake, taxi, "rides")).set_index("entity")
    assert rides.loc[rows.frame["entity"], KNOWN_AT].max() <= taxi.schedule.cutoff(night)
    assert rows.nights.max() == "2024-03-09"
    assert list(rows.frame["night"]) == sorted(rows.frame["night"])


def test_too_few_nights_are_an_outcome_and_not_a_failure(arrive: Arrive) -> None:
    settings = arrive("train")
    assert not train.train("taxi", "2024-03-03", train.BOOTSTRAP)
    (reported,) = recorded.verdicts(settings)
    assert reported.outcome == "inconclusive"
    assert "to judge on" in reported.reason


def test_the_package_tells_where_the_model_comes_from(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    (reported,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.JUDGED)
    facts = package_files.facts(packages.get(settings.packages, reported.subject, settings.trusted_keys))
    assert (facts["use_case"], facts["night"], facts["used_until"]) == ("taxi", LAST, "2024-03-15")
    assert facts["fitted"] == ["2024-03-01", "2024-03-11"]
    assert facts["reads"] == ledger_entries.read(reported, Verdict).table_versions
    assert facts["metrics"]["log_loss"] == facts["log_loss"]
    assert facts["libraries"]["lightgbm"] == metadata.version("lightgbm")


def test_a_package_has_its_card_and_what_serving_it_needs_and_neither_tells_the_time(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    (place,) = settings.packages.glob("[!.]*")
    assert (place / "requirements.txt").read_bytes() == provenance.serving_lock()
    card = (place / "model_card.md").read_text()
    assert "| feature | within nights |" in card
    assert "unmeasured" in card
    assert "p99" not in card


TRAIN = """
import sys
from include import usecases
usecases.__path__.append(sys.argv[1])
from include.steps import train
from tests import in_process
with in_process.probing():
    assert train.train("taxi", sys.argv[2], train.BOOTSTRAP)
"""


def test_training_twice_in_other_homes_hours_and_time_zones_gives_the_same_digest(arrive: Arrive) -> None:
    """The first training is the one that other tests use too, in the time zone and with the hash seed of this run."""
    made, elsewhere = arrive("acceptance tests"), arrive("train")
    zone, seed = "Pacific/Kiritimati", {"2": "3"}.get(os.environ.get("PYTHONHASHSEED", ""), "2")
    assert os.environ.get("TZ") != zone
    env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", TRAIN, str(TOYS), LAST]
    subprocess.run(command, cwd=elsewhere.home, env=env, check=True, capture_output=True)
    one, other = (
        {path.name: path.read_bytes() for path in package.iterdir()}
        for settings in (made, elsewhere)
        for package in settings.packages.glob("[!.]*")
    )
    assert one == other


@pytest.mark.parametrize(
    ("step", "night", "reason", "reported"),
    [
        ("train", LAST, "monitoring", "taxi has no champion yet: train the first one with the reason 'bootstrap'"),
        ("score", "2024-03-17", "bootstrap", "taxi has the champion .*: 'bootstrap' is for the first one only"),
    ],
)
def test_a_reason_that_does_not_fit_what_is_there_is_refused(
    arrive: Arrive, step: str, night: str, reason: str, reported: str
) -> None:
    arrive(step)
    with pytest.raises(RequestError, match=reported):
        train.train("taxi", night, reason)


OVERFITTED = GradientBoosting(
    trees=400, leaves=8, learning_rate=0.02, rows_per_leaf=20, feature_share=1.0, name="overfitted"
)
LARGE = GradientBoosting(trees=1200, leaves=4, learning_rate=0.003, rows_per_leaf=20, name="large")
QUICK = GradientBoosting(trees=200, leaves=4, learning_rate=0.02, rows_per_leaf=20, name="quick")
DEEP = NeuralNet(layers=(2,) * 300, epochs=1, name="deep")


@pytest.mark.parametrize(
    ("preferred", "other", "because", "budget", "why"),
    [
        pytest.param(
            DEEP,
            QUICK,
            "deep is chosen as the simplest",
            lambda slow, quick: {
                "latency_budget": Milliseconds(p99=math.sqrt(slow.p99_latency_ms * quick.p99_latency_ms))
            },
            r"deep needs \d.* ms of the \d.* ms allowed",
            id="too slow",
        ),
        pytest.param(
            LARGE,
            OVERFITTED,
            "large is chosen by log loss",
            lambda *_: {"size_budget": Megabytes(package=0.5)},
            r"large needs a package of \d.* MB of the 0.5 MB allowed",
            id="too large",
        ),
    ],
)
def test_a_preferred_model_that_misses_a_budget_as_it_is_served_loses_and_it_is_written_why(
    request: pytest.FixtureRequest,
    arrive: Arrive,
    taxi: UseCase,
    monkeypatch: pytest.MonkeyPatch,
    preferred: Candidate,
    other: Candidate,
    because: str,
    budget: Callable[[CandidateRecord, CandidateRecord], dict[str, Any]],
    why: str,
) -> None:
    if preferred is DEEP:  # its latency counts, which is that of a process of its own
        request.getfixturevalue("own_processes")
    monkeypatch.setenv("RATCHET_THREADS", "1")
    case = replace(taxi, candidates=(other, preferred))
    chosen, measured = train_once(case, arrive, monkeypatch)
    assert chosen == preferred.name
    assert because in measured.choice
    assert [(each.candidate, each.other) for each in measured.comparisons] == [(other.name, preferred.name)]
    # A budget between what both took in this very run, so that the machine's speed decides nothing.
    within = budget(
        *(next(each for each in measured.candidates if each.name == name) for name in (preferred.name, other.name))
    )
    chosen, verdict = train_once(replace(case, **within), arrive, monkeypatch)
    assert chosen == other.name
    assert re.search(why, verdict.choice)


def train_once(case: UseCase, arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> tuple[object, Verdict]:
    """Return the name of the candidate that a first training chooses, and its verdict."""
    settings = arrive("train")
    monkeypatch.setattr(usecases, "get", lambda _: case)
    train.train("taxi", LAST, train.BOOTSTRAP)
    (entry,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.JUDGED)
    files = packages.get(settings.packages, entry.subject, settings.trusted_keys)
    return package_files.facts(files)["candidate"], ledger_entries.read(entry, Verdict)
