"""A home with five weeks of the toy's nights, for everything that walks them again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include import usecases
from include.settings import Settings, load_settings
from include.steps import ingest
from include.steps.features import build
from ml.usecase import UseCase
from tests.conftest import TOYS
from tests.made_once import Once

NIGHTS = "2024-03-01..2024-04-04"


@pytest.fixture(scope="session")
def five_weeks(prepared_home: Path, once: Once) -> Path:
    """The home, to be copied: its nights were ingested once."""
    return once("weeks", lambda home: _ingest_weeks(shutil.copytree(prepared_home, home)))


def _ingest_weeks(home: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        ingest.ingest("taxi", NIGHTS)
        build.build("taxi", NIGHTS)
    load_settings.cache_clear()


@pytest.fixture
def weeks(five_weeks: Path, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of this process in a copy of that home, where the toy can be found."""
    shutil.copytree(five_weeks, tmp_path / "weeks")
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "weeks"))
    load_settings.cache_clear()
    yield load_settings()
    load_settings.cache_clear()
