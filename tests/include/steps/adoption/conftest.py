"""Homes in which a refresh of the champion's recipe was adopted: as good as the champion, or much worse."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from include import usecases
from include.settings import Settings, load_settings
from include.steps import ingest
from include.steps.features import build
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind, Promoted
from ml.promotion.adoption.admission import Admission
from ml.training.fitting import Model
from ml.usecase import Adoption, UseCase, periods
from tests.challenger import challenge
from tests.include.steps.conftest import LATER, NIGHT, Story, enter

DECLARED = Adoption(allowance=2, rollback=1.5, harm_budget=5.0, loss_range=1.0)
Declare = Callable[..., UseCase]


@dataclass(frozen=True)
class Adopted:
    """A home in which the package `digest` of NIGHT was promoted in the place of `before`."""

    settings: Settings
    case: UseCase
    before: str
    digest: str


@pytest.fixture
def declare(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Let the toy declare an adoption, or something else, and return it."""

    def change(**changes: Any) -> UseCase:
        case = replace(taxi, **{"adoption": DECLARED} | changes)
        monkeypatch.setattr(usecases, "get", lambda name: case)
        return case

    return change


def nights_pass(_: Settings) -> None:
    """Ingest the nights after the first promotion, and build their features."""
    for night in map(str, periods.parse(f"{NIGHT}..{LATER}")):
        ingest.ingest("taxi", night)
        build.build("taxi", night)


def spoil(model: Model) -> Model:
    """Return a model whose scores are much too high."""
    return replace(model, calibration=replace(model.calibration, offset=model.calibration.offset + 3.0))


def nudge(model: Model) -> Model:
    """Return a model that scores much the same."""
    return replace(model, calibration=replace(model.calibration, offset=model.calibration.offset + 0.01))


@pytest.fixture
def adopt(
    story: Story, declare: Declare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Adopted]]:
    """A function that adopts, as of NIGHT, the champion's model changed by its argument, and returns the home."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    numbers = count()

    def run(change: Callable[[Model], Model], admission: Admission = Admission.ALLOWANCE, **declared: Any) -> Adopted:
        case = declare(**declared)
        home = story.turned("ingest a night", nights_pass)
        settings = enter(shutil.copytree(home, tmp_path / str(next(numbers))))
        champion = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
        assert champion is not None
        digest = challenge(case, NIGHT, settings, change, rule="refresh", admission=str(admission))
        promote(settings, digest, NIGHT)
        return Adopted(settings=settings, case=case, before=champion.subject, digest=digest)

    yield run
    load_settings.cache_clear()


def promote(settings: Settings, digest: str, night: str) -> None:
    """Record the promotion of `digest` as of `night`."""
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.PROMOTED,
        use_case="taxi",
        night=date.fromisoformat(night),
        subject=digest,
        payload=Promoted(approved_by=("tess", "bob"), evidence="e" * 64),
        key=f"taxi:promoted:{digest}",
    )
