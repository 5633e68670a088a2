"""Thirty-two nights with a prune after every fourth: a home's size stays flat, and what people do later still works.

The nights are months, because those of the gym are cheap: its rows come in windows of four, as after a pause. All nights
are kept for fewer than sixteen, so that a home has its full size from the twentieth on.
"""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, prune, release, train
from include.steps.context import StepContext
from include.steps.features import build, table_versions
from include.steps.prune import needs
from include.steps.release import rollback
from include.steps.score import explanations, rescore, score
from include.steps.train import model_card
from include.stores import lake, ledger, packages, report_paths, warehouse
from include.stores.files import atomic, object_trees
from ml.errors import DataError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Pruned
from ml.usecase import Explanations, Release, Retention, UseCase
from ml.usecase.periods import Period
from tests import in_process, recorded
from tests.challenger import challenge
from tests.include.steps.conftest import enter
from tests.made_once import Once

HISTORY, WINDOWS, WINDOW, FULL = Period(date(2018, 1, 1), date(2018, 12, 1)), 8, 4, 20
REJECTED_WINDOW, PROMOTED_WINDOW = 0, 1
SHORT = Retention(
    landing=15, rows=15, scores=15, metrics=15, versions=4, predictions=15, rescores=4, reports=4, candidates=4
)


@dataclass(frozen=True)
class Played:
    """A home after the nights: its bytes after each prune, and the packages that were never released and released."""

    settings: Settings
    sizes: list[int]
    first: str
    rejected: str
    champion: str
    last: str


@pytest.fixture
def short(gym: UseCase, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """The gym with a short retention, and releases without a canary."""
    case = replace(
        gym,
        retention=SHORT,
        release=Release(approvers=("tech_lead", "business_owner"), canary=None),
        explanations=Explanations(top=2),
    )
    by_name = usecases.get
    monkeypatch.setattr(usecases, "get", lambda name: case if name == "gym" else by_name(name))
    return case


@pytest.fixture
def played(once: Once, prepared_home: Path, short: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    """A copy of the home after all nights."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))  # put back at the end, whatever `enter` sets
    made = once("pruned-nights", lambda folder: play(shutil.copytree(prepared_home, folder / "home"), short))
    facts = json.loads((made / "played.json").read_text())
    return Played(settings=enter(shutil.copytree(made / "home", tmp_path / "home")), **facts)


def play(home: Path, case: UseCase) -> None:
    """Train and release a first model, then run the windows, and write down what a test needs to know of them."""
    settings = enter(home)
    with in_process.probing():
        first = play_history()
        sizes, others = list[int](), dict[int, str]()
        for window in range(WINDOWS):
            nights = [
                case.schedule.previous(HISTORY.last, -(window * WINDOW + number)) for number in range(1, WINDOW + 1)
            ]
            play_window(nights, settings)
            if window in (REJECTED_WINDOW, PROMOTED_WINDOW):
                others[window] = challenge(case, str(nights[-1]), settings, recipe=None)
            if window == PROMOTED_WINDOW:
                approve_and_promote(str(nights[-1]))
            prune.prune("gym", safety_hours=0)
            sizes.append(sum(object_trees.sizes(home).values()))
    facts = {
        "sizes": sizes,
        "first": first,
        "rejected": others[REJECTED_WINDOW],
        "champion": others[PROMOTED_WINDOW],
        "last": str(nights[-1]),
    }
    (home.parent / "played.json").write_text(json.dumps(facts))


def play_history() -> str:
    """Ingest the history, and train and release the first model; return its digest."""
    ingest.ingest("gym", str(HISTORY))
    build.build("gym", str(HISTORY))
    assert train.train("gym", str(HISTORY.last), train.BOOTSTRAP)
    release.run_acceptance_tests("gym", str(HISTORY.last))
    return approve_and_promote(str(HISTORY.last))


def approve_and_promote(night: str) -> str:
    """Give both approvals for the challenger of `night`, and promote it."""
    for role, user in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("gym", night, role, user, "Approve")
    return release.promote("gym", night)


def play_window(nights: list[date], settings: Settings) -> None:
    """Ingest the nights, score each, and leave what nights leave besides."""
    window = str(Period(nights[0], nights[-1]))
    ingest.ingest("gym", window)
    build.build("gym", window)
    for night in nights:
        assert score.score("gym", str(night)) == 120
        atomic.write(report_paths.drift_report(settings.reports, "gym", night), b"x" * 20_000)
        atomic.write(Path(settings.landing, "gym", "intraday", str(night), "members.csv"), b"x" * 10_000)
        atomic.write(settings.studies / "gym" / f"logistic-{night}-abc.log", b"x" * 5_000)


def test_what_a_home_holds_is_flat_from_the_twentieth_night_on(played: Played) -> None:
    full = played.sizes[FULL // WINDOW - 1 :]
    assert len(full) * WINDOW >= 16
    assert max(full) / full[0] < 1.05


def test_every_part_has_no_more_nights_than_it_declares(played: Played, short: UseCase) -> None:
    engine, schedule, last = (
        warehouse.engine(played.settings.warehouse_url),
        short.schedule,
        date.fromisoformat(played.last),
    )
    first = {name: schedule.previous(last, nights - 1) for name, nights in vars_of(SHORT).items()}
    assert lake.nights(build.address(played.settings.lake, short))[0] == first["rows"]
    assert min(each.night for each in warehouse.metrics(engine, "gym")) >= first["metrics"]
    assert warehouse.scores(engine, "gym", schedule.previous(first["scores"])).empty
    assert not warehouse.scores(engine, "gym", first["scores"]).empty
    explained = lake.nights(explanations.address(StepContext(case=short, settings=played.settings)))
    assert (explained[0], explained[-1]) == (first["scores"], last)
    landed = [path.name for path in Path(played.settings.landing, "gym").iterdir() if path.name != "intraday"]
    assert min(name.split("..")[-1] for name in landed) >= str(first["landing"])


def vars_of(retention: Retention) -> dict[str, int]:
    return {name: getattr(retention, name) for name in ("rows", "scores", "metrics", "landing")}


def test_what_was_released_stays_and_what_never_was_goes(played: Played) -> None:
    assert set(packages.stored(played.settings.packages)) >= {played.first, played.champion}
    assert played.rejected not in packages.stored(played.settings.packages)
    removed = {
        digest
        for each in recorded.payloads(played.settings, EntryKind.PRUNED, Pruned, "gym")
        for digest in each.packages
    }
    assert played.rejected in removed
    assert not removed & {played.first, played.champion}


def test_a_second_prune_finds_nothing_and_records_nothing(played: Played) -> None:
    engine = warehouse.engine(played.settings.warehouse_url)
    before = len(ledger.entries(engine, "gym"))
    again = prune.prune("gym", safety_hours=0)
    assert {each.part: each.removed_count for each in again if each.removed} == {}
    assert len(ledger.entries(engine, "gym")) == before


def test_a_dry_run_removes_nothing(played: Played) -> None:
    Path(played.settings.landing, "gym", "intraday", "2018-12-01").mkdir()
    Path(played.settings.landing, "gym", "intraday", "2018-12-01", "members.csv").write_text("old")
    before = object_trees.sizes(played.settings.landing)
    plans = {each.part: each for each in prune.prune("gym", dry_run=True)}
    assert plans["intraday files"].removed_count == 1
    assert object_trees.sizes(played.settings.landing) == before


def test_the_tables_that_live_packages_were_trained_on_can_be_read_and_no_night_past_its_retention(
    played: Played, short: UseCase
) -> None:
    context = StepContext(case=short, settings=played.settings)
    live = needs.find(context).live
    assert set(live) == {played.first, played.champion}
    trained = {
        each.subject: ledger_entries.read(each, ledger_entries.Verdict).table_versions
        for each in ledger.entries(context.engine, "gym", EntryKind.JUDGED)
    }
    for digest in live:
        for table, version in trained[digest].items():
            assert len(table_versions.rows("gym", table, version)[0])
    with pytest.raises(DataError, match=r"version 2 of features/entities cannot be read any more"):
        table_versions.rows("gym", "features/entities", 2)
    assert len(
        table_versions.rows(
            "gym", "features/entities", table_versions.version_at("gym", played.last, "features/entities").version
        )[0]
    )


def test_rescoring_rollback_audit_and_retraining_work_afterwards(played: Played, short: UseCase) -> None:
    first = str(short.schedule.previous(date.fromisoformat(played.last), 2))
    (chunk,) = rescore.plan("gym", first, played.last, "champion", "ann", "after a prune, to try it")
    assert rescore.rescore("gym", chunk) == 3 * 120
    assert rollback.roll_back("gym", "ann", "after a prune, to try it", "once").subject == played.first
    night = str(short.schedule.previous(date.fromisoformat(played.last), -1))
    ingest.ingest("gym", night)
    build.build("gym", night)
    assert score.score("gym", night) == 120
    model_card.check("gym", str(HISTORY.last))
    ledger.verify(warehouse.engine(played.settings.warehouse_url))
    train.train("gym", night, "a person")
    (verdict,) = recorded.verdicts(played.settings, "gym", date.fromisoformat(night))
    assert verdict.champion == played.first
    assert verdict.package is not None
