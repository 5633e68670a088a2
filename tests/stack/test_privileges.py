"""Who has everything is refused nothing: the program that tries can tell the difference."""

from pathlib import Path

import pytest

from include.settings import Settings
from include.stores.signing.dsse import ROUTING
from tests.stack import privileges


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to the test's folder, because SQLite creates a file for every database name."""
    monkeypatch.chdir(tmp_path)


def test_what_is_not_refused_is_told(home: Settings, tmp_path: Path) -> None:
    home.routes.mkdir()
    tried = privileges.attempts(home, tmp_path)
    assert set(tried) - set(privileges.succeeded(tried)) == {
        "Airflow's database",
        "Airflow's tokens",
        "the passwords of people",
    }


def test_what_is_refused_is_not_told(home: Settings, tmp_path: Path) -> None:
    (home.secrets / ROUTING.key_file).unlink()
    (home.secrets / "approval.key").unlink()
    tried = privileges.attempts(home, tmp_path)
    assert not {"an approval", "a signed routing", "a file among the routes"} & set(privileges.succeeded(tried))
