"""A Parquet file that has a column twice is held whole, as a CSV file is, and the night goes on without it."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cases.conftest import ToyNight

TWICE = "expected each column once, got 'visits' twice"


def parquet() -> bytes:
    """Return the members joined with their visits, without suffixes."""
    left = pa.table({"member": ["m1", "m2"], "billed_on": ["2024-01-01"] * 2, "plan": ["full"] * 2, "visits": [3, 4]})
    file = io.BytesIO()
    pq.write_table(left.join(pa.table({"member": ["m1", "m2"], "visits": [30, 40]}), keys="member"), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("csv", b"member,billed_on,plan,visits,visits\nm1,2024-01-01,full,3,30\n"),
        pytest.param(
            "parquet",
            parquet(),
        ),
    ],
    ids=["CSV", "Parquet"],
)
def test_a_file_with_a_column_twice_is_held_whole_and_told(members: ToyNight, ending: str, content: bytes) -> None:
    members.ingest(**{f"members_{ending}": content})
    files = members.files()
    assert (files[f"members.{ending}"].status, files["renewals.csv"].status) == ("quarantined", "ingested")
    assert TWICE in files[f"members.{ending}"].reason
    assert any(TWICE in each.message for each in members.alerts())
