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

NIGHTS = "2024-03-01..2024-04-04"


@pytest.fixture(scope="session")
def weeks_told(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home, to be copied: its nights were taken once."""
    home = tmp_path_factory.mktemp("weeks") / "home"
    shutil.copytree(prepared_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        ingest.ingest("taxi", NIGHTS)
        build.build("taxi", NIGHTS)
    load_settings.cache_clear()
    return home


@pytest.fixture
def weeks(weeks_told: Path, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of this process in a copy of that home, where the toy can be found."""
    shutil.copytree(weeks_told, tmp_path / "weeks")
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "weeks"))
    load_settings.cache_clear()
    yield load_settings()
    load_settings.cache_clear()
