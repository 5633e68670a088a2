"""A home for steps to write into, and the toy use cases beside the real ones."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from include import settings as places
from include import usecases
from include.settings import Settings
from include.stores import approvals, registry, warehouse
from ml.usecase import UseCase

hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")

TOYS = Path(__file__).parent / "usecases"


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with empty databases and a key, to be copied: making one takes seconds."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        places.load.cache_clear()
        where = places.load()
        warehouse.migrate(where.warehouse_url)
        registry.prepare(where)
        where.secrets.mkdir(parents=True)
        (where.secrets / approvals.KEY_FILE).write_text("k" * approvals.LEAST_KEY_BYTES)
    places.load.cache_clear()
    return home


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of this process, whose home is the test's own folder, ready for steps."""
    shutil.copytree(prepared_home, tmp_path / "home")
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))
    places.load.cache_clear()
    yield places.load()
    places.load.cache_clear()


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy use cases can be found as if their folders lay beside the others."""
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
    usecases.all.cache_clear()
    yield
    usecases.all.cache_clear()


@pytest.fixture
def taxi(toys: None) -> UseCase:
    """The toy that runs every night, with windows and look-ups."""
    return usecases.get("taxi")


@pytest.fixture
def gym(toys: None) -> UseCase:
    """The toy that runs every month, on plain columns; its labels come late and name no night."""
    return usecases.get("gym")
