"""A step reads what it names: the versions are taken first, and nobody who writes meanwhile changes what is read."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from include.stores import lake
from include.stores.table_snapshot import TableSnapshot
from ml.usecase import periods


@pytest.fixture
def write(root: str) -> Callable[[str, float], int]:
    """A function that replaces the night of a table by one value, and returns the version made."""

    def replace(table: str, value: float) -> int:
        rows = pd.DataFrame({"night": "2013-02-08", "value": [value]})
        return lake.replace(lake.address(root, "taxi", "valid", table), periods.parse("2013-02-08"), rows)

    return replace


def test_a_table_is_read_at_the_version_it_had_when_first_asked_for(
    root: str, write: Callable[[str, float], int]
) -> None:
    write("rides", 1.0)
    tables = TableSnapshot(root, "taxi")
    assert tables.version("valid", "rides") == 0
    write("rides", 2.0)
    assert tables.read("valid", "rides")["value"].tolist() == [1.0]
    assert TableSnapshot(root, "taxi").read("valid", "rides")["value"].tolist() == [2.0]
    assert tables.versions == {"valid/rides": 0}


def test_a_table_that_was_not_there_stays_away(root: str, write: Callable[[str, float], int]) -> None:
    tables = TableSnapshot(root, "taxi")
    assert tables.read("valid", "rides").empty
    write("rides", 1.0)
    assert tables.read("valid", "rides").empty
    assert tables.versions == {"valid/rides": -1}


def test_under_a_busy_writer_rows_and_named_version_always_agree(root: str, write: Callable[[str, float], int]) -> None:
    write("rides", 0.0)
    with ThreadPoolExecutor(1) as writer:
        writing = [writer.submit(write, "rides", float(value)) for value in range(1, 30)]
        seen = []
        while not all(each.done() for each in writing):
            tables = TableSnapshot(root, "taxi")
            (value,) = tables.read("valid", "rides")["value"]
            seen.append((tables.versions["valid/rides"], value))
    assert len(set(seen)) > 1
    assert all(version == value for version, value in seen)


def test_versions_that_were_taken_elsewhere_are_read_and_others_as_they_are_now(
    root: str, write: Callable[[str, float], int]
) -> None:
    for table in ("rides", "traffic"):
        write(table, 1.0)
    versions = {"valid/rides": write("rides", 2.0)}
    for table in ("rides", "traffic"):
        write(table, 3.0)
    tables = TableSnapshot(root, "taxi", versions)
    assert [tables.read("valid", table)["value"].tolist() for table in ("rides", "traffic")] == [[2.0], [3.0]]
    assert (tables.versions, versions) == ({"valid/rides": 1, "valid/traffic": 1}, {"valid/rides": 1})
