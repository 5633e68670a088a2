"""Homes of the toy that several packages need: five weeks of its nights, and a champion at each of its horizons."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings, load_settings
from include.steps import ingest, release, train
from include.steps.features import build
from include.steps.score import score
from ml.usecase import UseCase
from tests import in_process
from tests.conftest import TOYS
from tests.made_once import Once

NIGHTS = "2024-03-01..2024-04-04"
HISTORY, LAST, LIVE_NIGHT, FOLLOWING = "2024-03-01..2024-03-16", "2024-03-16", "2024-03-17", "2024-03-18"


@contextmanager
def copied(home: Path, copy: Path) -> Iterator[Settings]:
    """The settings of this process in a copy of a home, until the block ends."""
    shutil.copytree(home, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(copy))
        load_settings.cache_clear()
        yield load_settings()
    load_settings.cache_clear()


@pytest.fixture(scope="session")
def five_weeks(prepared_home: Path, once: Once) -> Path:
    """The home, to be copied: its nights were ingested once."""
    return once("weeks", lambda home: _ingest_weeks(prepared_home, home))


def _ingest_weeks(prepared: Path, home: Path) -> None:
    with copied(prepared, home), pytest.MonkeyPatch.context() as patch:
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
        ingest.ingest("taxi", NIGHTS)
        build.build("taxi", NIGHTS)


@pytest.fixture
def weeks(five_weeks: Path, taxi: UseCase, tmp_path: Path) -> Iterator[Settings]:
    """The settings of this process in a copy of that home, where the toy can be found."""
    with copied(five_weeks, tmp_path / "weeks") as settings:
        yield settings


@pytest.fixture
def live_home(prepared_home: Path, once: Once, taxi: UseCase, tmp_path: Path) -> Iterator[Settings]:
    """A home of the toy with a champion at each horizon, and two nights after its history; the first of them is scored.

    The night's live day can be played: the features of its live horizon are complete.
    """
    made = once("live", lambda home: _release_at_each_horizon(prepared_home, home, taxi))
    with copied(made, tmp_path / "live") as settings:
        yield settings


def _release_at_each_horizon(prepared: Path, home: Path, case: UseCase) -> None:
    with copied(prepared, home), in_process.probing():
        for period in (HISTORY, LIVE_NIGHT, FOLLOWING):
            ingest.ingest(case.name, period)
            build.build(case.name, period)
        for model in case.models:
            train.train(model.name, LAST, train.BOOTSTRAP)
            release.run_acceptance_tests(model.name, LAST)
            for role in model.release.approvers:
                release.approve(model.name, LAST, role, role, "Approve")
            release.promote(model.name, LAST)
        score.score(case.name, LIVE_NIGHT)
