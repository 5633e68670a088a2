"""Rows, files and log entries of old versions go; the versions that stay can be read at any moment."""

from pathlib import Path

import pandas as pd
import pytest

from include.stores import lake, lake_retention
from include.stores.files import object_trees
from ml.errors import DataError
from ml.usecase import periods

NIGHTS = [f"2024-03-{day:02d}" for day in range(1, 31)]


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A table with thirty nights of three rows, one version each."""
    address = lake.address(tmp_path, "taxi", "valid", "rides")
    for night in NIGHTS:
        rows = pd.DataFrame({"night": [night] * 3, "ride": [f"{night}-{number}" for number in range(3)]})
        lake.replace(address, periods.parse(night), rows)
    return address


def log_files(uri: str) -> list[str]:
    return sorted(Path(uri, "_delta_log").glob("*.json"))  # type: ignore[arg-type]


def trim(uri: str, since: int, pinned: set[int]) -> None:
    names = lake_retention.unneeded_log(uri, since, pinned)
    lake_retention.write_checkpoints(uri, since, pinned)
    object_trees.remove(f"{uri}/_delta_log", names)


def test_nights_before_the_first_one_kept_go_in_a_version_of_their_own(uri: str) -> None:
    version = lake_retention.drop_before(uri, periods.parse("2024-03-11").first)
    assert version == 30
    assert str(lake.nights(uri)[0]) == "2024-03-11"
    assert len(lake.read(uri, at_version=29)) == 90
    assert {rows for rows, _ in lake_retention.night_sizes(uri).values()} == {3}


def test_a_trimmed_log_has_the_pinned_and_the_later_versions_and_no_other(uri: str) -> None:
    trim(uri, 25, {4})
    assert len(log_files(uri)) == 5
    assert lake_retention.readable_versions(uri) == {4, *range(25, 30)}
    for version in (4, *range(25, 30)):
        assert len(lake.read(uri, at_version=version)) == 3 * (version + 1)
    for version in (0, 3, 5, 24):
        with pytest.raises(DataError, match=rf"version {version} of valid/rides cannot be read any more"):
            lake.read(uri, at_version=version)
        with pytest.raises(DataError, match=rf"version {version} of valid/rides cannot be read any more"):
            list(lake.batches(uri, periods.parse("2024-03-01"), at_version=version))


def test_a_table_is_written_and_vacuumed_as_before_after_its_log_was_trimmed(uri: str) -> None:
    trim(uri, 25, {4})
    lake.append(uri, pd.DataFrame({"night": ["2024-03-31"], "ride": ["late"]}), "a server", 7)
    assert lake.version(uri) == 30
    lake_retention.drop_before(uri, periods.parse("2024-03-20").first)
    lake.vacuum(uri, {4}, 0)
    assert len(lake.read(uri, at_version=4)) == 15
    assert lake.committed_offset(uri, "a server") == 7
    newest = lake.version(uri)
    trim(uri, newest, set())
    assert lake.committed_offset(uri, "a server") == 7
    assert len(lake.read(uri)) == 3 * 11 + 1


@pytest.mark.parametrize("removed", [0, 1, 7, 19])
def test_a_trim_that_was_killed_leaves_what_is_kept_readable_and_is_completed_by_the_next(
    uri: str, removed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = lake_retention.unneeded_log(uri, 25, {4})
    lake_retention.write_checkpoints(uri, 25, {4})
    object_trees.remove(f"{uri}/_delta_log", names[:removed])
    assert lake_retention.readable_versions(uri) >= {4, *range(25, 30)}
    assert len(lake.read(uri)) == 90
    assert len(lake.read(uri, at_version=4)) == 15
    monkeypatch.setattr(lake_retention, "_MIN_TRIMMED", 0)
    trim(uri, 25, {4})
    assert lake_retention.readable_versions(uri) == {4, *range(25, 30)}


def test_a_few_log_entries_are_not_worth_a_checkpoint(uri: str) -> None:
    assert lake_retention.unneeded_log(uri, 19, set()) == ()
    assert len(lake_retention.unneeded_log(uri, 20, set())) == 20


def test_every_table_of_a_use_case_is_listed_whether_it_is_declared_or_not(uri: str, tmp_path: Path) -> None:
    lake.replace(
        lake.address(tmp_path, "taxi", "rescores", "0123456789ab"),
        periods.parse("2024-03-01"),
        pd.DataFrame({"night": ["2024-03-01"], "score": [0.5]}),
    )
    assert lake_retention.tables(tmp_path, "taxi") == {
        "rescores/0123456789ab": f"{tmp_path}/taxi/rescores/0123456789ab",
        "valid/rides": uri,
    }
    assert lake_retention.tables(tmp_path, "ferry") == {}
