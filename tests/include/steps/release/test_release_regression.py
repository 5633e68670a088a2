"""A number goes the same ways: a refit that must agree in minutes, a canary that is judged by them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, release, train
from include.steps.features import build
from include.steps.release import canary
from include.steps.score import score
from include.steps.train import model_card
from include.stores import ledger, packages, registry, warehouse
from include.stores.signing import model_signing
from ml.governance import ledger_entries
from ml.governance.checks import CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import Aborted, EntryKind, ShadowReviewed, StagePassed, Verdict
from ml.packaging import package_files
from ml.scoring.calibration import Correction
from ml.usecase import Canary, Refit, Release, UseCase, periods
from tests.challenger import put
from tests.include.steps.conftest import HISTORY, LAST, NIGHT, enter

SHADOWED, JUDGED = "2024-03-18", "2024-03-19..2024-03-25"
RULE = Canary(shares=(0.5, 1.0), min_requests=(20, 40), min_shadow_rows=50, min_nights=6)
PEOPLE = (("tech_lead", "tess"), ("business_owner", "bob"))
LENIENT = Refit(max_answer_difference=0.5, max_flipped_share=0.2, min_rank_correlation=0.5, max_loss_rise=0.2)
Declare = Callable[..., None]


@pytest.fixture(scope="module")
def learned(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the features and the labels of the ferry's history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", "")
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(Path(__file__).parents[3] / "usecases")])
        usecases.all.cache_clear()
        settings = enter(shutil.copytree(prepared_home, tmp_path_factory.mktemp("ferry") / "home"))
        ingest.ingest("ferry", HISTORY)
        build.build("ferry", HISTORY)
    usecases.all.cache_clear()
    return settings.home


@pytest.fixture
def settings(learned: Path, ferry: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of this test's own."""
    monkeypatch.setenv("RATCHET_HOME", "")
    return enter(shutil.copytree(learned, tmp_path / "home"))


@pytest.fixture
def declare(ferry: UseCase, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Let the ferry declare something else."""
    return lambda **changes: monkeypatch.setattr(usecases, "get", lambda _: replace(ferry, **changes))


def last_judged(settings: Settings) -> Entry:
    return ledger.entries(warehouse.engine(settings.warehouse_url), "ferry", EntryKind.JUDGED)[-1]


def approve(night: str) -> None:
    for who in PEOPLE:
        release.approve("ferry", night, *who, "Approve")


@pytest.mark.parametrize(
    ("bars", "failed"),
    [(LENIENT, []), (replace(LENIENT, max_answer_difference=1e-9), ["mean distance of predictions"])],
    ids=["agrees", "further apart than declared"],
)
def test_a_refit_of_minutes_is_released_where_it_agrees_with_the_judged_model(
    bars: Refit, failed: list[str], settings: Settings, declare: Declare
) -> None:
    declare(refit=bars)
    assert train.train("ferry", LAST, train.BOOTSTRAP)
    entry = last_judged(settings)
    reported = ledger_entries.read(entry, Verdict).refit
    assert reported is not None
    assert entry.subject == (reported.judged if failed else reported.refit)
    assert [each.name.split(",")[0] for each in reported.checks if each.status is CheckStatus.FAIL] == failed
    assert reported.checks[-1].name == "rise of relative loss on the judged rows"
    model_card.check("ferry", LAST)
    release.run_acceptance_tests("ferry", LAST)
    assert "mean distance of predictions, in units of the best constant's loss" in release.render_evidence(
        "ferry", LAST
    )


def challenge(settings: Settings, minutes: float) -> str:
    """Let the champion's model, answering so many minutes more, be a challenger that passed the gate and its acceptance tests."""
    engine, case = warehouse.engine(settings.warehouse_url), usecases.get("ferry")
    champion = ledger.champion(engine, "ferry")
    assert champion is not None
    files = packages.get(settings.packages, champion.subject, settings.trusted_keys)
    model, rows = package_files.load(files), build.read(settings.lake, case, NIGHT, NIGHT)
    moved: Correction = replace(model.calibration, offset=model.calibration.offset + minutes)
    packed = package_files.pack(replace(model, calibration=moved), rows, package_files.facts(files) | {"seed": 7})
    signed = model_signing.sign(packed.digest, packed.files, settings)
    packages.put(settings.packages, packed.digest, signed)
    registry.register(settings, "ferry", packed.digest, signed, rows[list(case.feature_names)].head())
    judged = ledger_entries.read(last_judged(settings), Verdict)
    put(
        case,
        NIGHT,
        packed.digest,
        replace(judged, champion=champion.subject, evidence="e" * 64, outcome="promote"),
        settings,
    )
    return packed.digest


def play(night: str) -> canary.NextStep | None:
    """Let a night come, score it, and judge after it."""
    ingest.ingest("ferry", night)
    build.build("ferry", night)
    score.score("ferry", night)
    return canary.advance("ferry", night)


@pytest.mark.parametrize(
    ("minutes", "ends"),
    [(0.01, EntryKind.STAGE_PASSED), (60.0, EntryKind.ABORTED)],
    ids=["much the same", "an hour more"],
)
def test_a_canary_of_minutes_takes_over_unless_its_minutes_cost_more(
    minutes: float, ends: EntryKind, settings: Settings, declare: Declare
) -> None:
    declare(release=Release(approvers=("tech_lead", "business_owner"), canary=RULE))
    train.train("ferry", LAST, train.BOOTSTRAP)
    release.run_acceptance_tests("ferry", LAST)
    approve(LAST)
    release.promote("ferry", LAST)
    ingest.ingest("ferry", NIGHT)
    build.build("ferry", NIGHT)
    digest = challenge(settings, minutes)
    release.shadow("ferry", NIGHT)
    assert play(SHADOWED) == "request_approvals"
    engine = warehouse.engine(settings.warehouse_url)
    (shadow,) = ledger.entries(engine, "ferry", EntryKind.SHADOW_REVIEWED)
    review = ledger_entries.read(shadow, ShadowReviewed)
    assert review.responses == 80
    assert 0 < review.mean_score_difference <= minutes + 1e-9
    assert (review.decision_change_share > 0.5) is (minutes > 1)
    approve(NIGHT)
    release.shift_traffic("ferry", NIGHT)
    for night in map(str, periods.parse(JUDGED)):
        play(night)
    reported = [each for each in ledger.entries(engine, "ferry", ends) if each.subject == digest]
    assert reported
    ended = ledger_entries.read(reported[0], StagePassed if ends is EntryKind.STAGE_PASSED else Aborted)
    failed = [each["name"] for each in ended.checks if each["status"] == "fail"]
    assert bool(failed) is (ends is EntryKind.ABORTED)
    assert all("prediction" in name or "calibration" in name for name in failed)
