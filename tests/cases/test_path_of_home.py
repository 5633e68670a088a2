"""Nights can be written and read in a home with any folder name, or the name is refused with a reason."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import load_settings, read_settings
from include.steps import ingest
from include.steps.features import build
from include.stores import lake
from ml.errors import SetupError
from ml.usecase import UseCase
from tests.cases.conftest import MONTH, RENEWALS
from tests.include.steps.conftest import without_a_source

MEMBERS = b"member,billed_on,plan,visits\nm1,2024-01-01,full,3\nm2,2024-01-01,weekend,x\n"
WORKING = ["plain", "a b", "Höme", "项目", "e\u0301", "a+b", "a&b", "it's", "a*b", "a,b", "a;b", "a@b", "~x", "C:x"]
REFUSED = ["100%", "a%20b", "a#b", "a{b}", "a=b", "a[1]", "a\\b", "a?b", "tab\tb", "new\nline", "a$HOME", 'a"b', "a|b"]


@pytest.fixture
def forgets() -> Iterator[None]:
    """After the test, the settings are read anew."""
    yield
    load_settings.cache_clear()


@pytest.mark.usefixtures("forgets")
@pytest.mark.parametrize("name", WORKING)
def test_what_a_night_wrote_is_read_again(
    prepared_home: Path, gym: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    without_a_source(monkeypatch)
    home = shutil.copytree(prepared_home, tmp_path / name)
    folder = home / "landing" / gym.name / MONTH
    folder.mkdir(parents=True)
    (folder / "members.csv").write_bytes(MEMBERS)
    (folder / "renewals.csv").write_bytes(RENEWALS)
    monkeypatch.setenv("RATCHET_HOME", str(home))
    load_settings.cache_clear()
    settings = load_settings()
    for _ in range(2):
        counts = ingest.ingest(gym.name, MONTH)
        assert (counts["rows_valid"], counts["rows_quarantined"]) == (1, 1)
    tables = [lake.address(settings.lake, gym.name, stage, "members") for stage in ("valid", "quarantine")]
    assert [len(lake.read(table)) for table in tables] == [1, 1]
    assert [sum(map(len, lake.batches(table, gym.schedule.parse(MONTH)))) for table in tables] == [1, 1]
    assert build.build(gym.name, MONTH) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_a_home_that_a_library_cannot_work_in_is_refused_by_its_character(name: str) -> None:
    with pytest.raises(SetupError, match="expected RATCHET_HOME to have no .* in its path") as refused:
        read_settings({"RATCHET_HOME": f"/srv/{name}"})
    character = str(refused.value).split("to have no ")[1].split(" in its path")[0]
    assert character in [repr(each) for each in name]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RATCHET_LAKE", "s3://bucket/prefix with space"),
        ("RATCHET_LAKE", "s3://bucket/env=prod"),
        ("RATCHET_LANDING", "s3://bucket/100%"),
        ("RATCHET_LANDING", "s3://bucket/Höme"),
        ("RATCHET_WAREHOUSE_URL", "sqlite:////srv/a?b/warehouse.db"),
        ("RATCHET_PACKAGES", "/srv/a#b"),
    ],
)
def test_every_other_location_is_refused_likewise(variable: str, value: str) -> None:
    with pytest.raises(SetupError, match=f"expected {variable} to have no "):
        read_settings({variable: value})


def test_addresses_are_not_taken_for_paths() -> None:
    urls = {
        "RATCHET_WAREHOUSE_URL": "postgresql://user:p%40ss=word@db/x?sslmode=require",
        "RATCHET_LAKE": "s3://bucket/team-a/v1.0",
        "RATCHET_NOTIFY_URLS": "json://host/path?x=1#y",
    }
    assert read_settings(urls).lake == urls["RATCHET_LAKE"]
