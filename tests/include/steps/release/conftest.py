"""A home in which releases of the toy take a canary, and the nights of one."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, release
from include.steps.features import build
from include.steps.release import canary
from include.steps.score import score
from include.stores import ledger, routing_store, warehouse
from ml.usecase import Canary, Release, UseCase
from tests.include.steps.conftest import NIGHT, Story, enter

NIGHTS = ("2024-03-18", "2024-03-19", "2024-03-20", "2024-03-21")
RULE = Canary(shares=(0.5, 1.0), min_requests=(20, 40), min_shadow_rows=50, min_nights=0)
PEOPLE = (("tech_lead", "tess"), ("business_owner", "bob"))


@pytest.fixture(scope="module")
def played(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a champion, in which some nights have features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", "")
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(Path(__file__).parents[3] / "usecases")])
        usecases.all.cache_clear()
        settings = enter(shutil.copytree(story.before("score"), tmp_path_factory.mktemp("played") / "home"))
        for night in NIGHTS:
            ingest.ingest("taxi", night)
            build.build("taxi", night)
    usecases.all.cache_clear()
    return settings.home


@pytest.fixture
def settings(played: Path, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of this test's own, where releases of the toy take a canary."""
    monkeypatch.setenv("RATCHET_HOME", "")
    careful = replace(taxi, release=Release(approvers=("tech_lead", "business_owner"), canary=RULE))
    monkeypatch.setattr(usecases, "get", lambda _: careful)
    return enter(shutil.copytree(played, tmp_path / "home"))


def champion(settings: Settings) -> str:
    result = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert result is not None
    return result.subject


def approve(*choices: str) -> None:
    for who, choice in zip(PEOPLE, choices or ("Approve", "Approve"), strict=True):
        release.approve("taxi", NIGHT, *who, choice)


def night(number: int) -> canary.NextStep | None:
    """Score a night and judge after it."""
    score.score("taxi", NIGHTS[number])
    return canary.advance("taxi", NIGHTS[number])


def routed(settings: Settings) -> Any:
    return routing_store.read(routing_store.path_of(settings.routes, "taxi"), settings.trusted_keys)
