"""Nights can be written and read in a home with any folder name, or the name is refused with a reason."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import load_settings
from include.steps import ingest
from include.steps.features import build
from include.stores import lake
from ml.errors import SetupError
from ml.usecase import UseCase
from tests.cases.conftest import MONTH, RENEWALS
from tests.include.steps.conftest import without_a_source

MEMBERS = b"member,billed_on,plan,visits\nm1,2024-01-01,full,3\nm2,2024-01-01,weekend,x\n"
lost = pytest.mark.xfail(
    strict=True, reason="what was written is not found again: its place is read as an address or a pattern"
)
database = pytest.mark.xfail(strict=True, reason="the database is looked for at another place")
library = pytest.mark.xfail(
    strict=True, reason="the library of the lake stops at its place with words, or a panic, of its own"
)
NAMES = ["plain", "a+b", "a&b", "it's", "a*b", "a,b", "a;b", "a@b", "~x", "C:x"]
LOST = {"a b": " ", "Höme": "ö", "项目": "项", "100%": "%", "a#b": "#", "a{b}": "{"}
OTHERS = {"a=b": "=", "a[1]": "[", "a\\b": "\\", "tab\tb": "\t"}


@pytest.fixture
def forgets() -> Iterator[None]:
    """After the test, the settings are read anew."""
    yield
    load_settings.cache_clear()


@pytest.mark.usefixtures("forgets")
@pytest.mark.parametrize(
    ("name", "character"),
    [
        *((name, "") for name in NAMES),
        *(pytest.param(name, at, marks=lost) for name, at in LOST.items()),
        *(pytest.param(name, at, marks=database) for name, at in {"a%20b": "%", "a?b": "?"}.items()),
        *(pytest.param(name, at, marks=library) for name, at in OTHERS.items()),
    ],
)
def test_what_a_night_wrote_is_read_again(
    prepared_home: Path, gym: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, character: str
) -> None:
    without_a_source(monkeypatch)
    home = shutil.copytree(prepared_home, tmp_path / name)
    folder = home / "landing" / gym.name / MONTH
    folder.mkdir(parents=True)
    (folder / "members.csv").write_bytes(MEMBERS)
    (folder / "renewals.csv").write_bytes(RENEWALS)
    monkeypatch.setenv("RATCHET_HOME", str(home))
    load_settings.cache_clear()
    try:
        where = load_settings()
    except SetupError as refused:
        assert character
        assert character in str(refused).replace(str(home), "")  # noqa: PT017
        return
    counts = ingest.ingest(gym.name, MONTH)
    assert (counts["rows_valid"], counts["rows_quarantined"]) == (1, 1)
    stages = [len(lake.read(lake.address(where.lake, gym.name, stage, "members"))) for stage in ("valid", "quarantine")]
    assert stages == [1, 1]
    assert build.build(gym.name, MONTH) == 1
