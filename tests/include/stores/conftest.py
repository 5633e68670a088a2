"""A new warehouse for each test, on SQLite and, where its binaries are installed, on a throwaway Postgres."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.settings import Settings, load_settings
from include.stores import warehouse


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an embedded stack whose home is the test's own folder."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    return load_settings.__wrapped__()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'warehouse.db'}"
    return str(request.getfixturevalue("postgres").database())


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.servers)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a place in which nothing is: a folder, or a prefix in a bucket of a real S3 server."""
    return str(request.getfixturevalue("bucket") if request.param == "bucket" else tmp_path / "root")


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """An engine on a migrated database."""
    warehouse.migrate(url)
    made = warehouse.engine(url)
    yield made
    made.dispose()
