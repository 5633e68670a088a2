"""A lake in a bucket that is busy, silent, cuts what it sends and loses its replies: rows are there once, or it is told."""

from collections.abc import Callable

import pandas as pd
import pytest
from deltalake import DeltaTable

from include.stores import lake
from ml.errors import SetupError
from ml.usecase import periods
from tests import s3
from tests.faults import Fault, Faults

pytestmark = pytest.mark.servers

NIGHT, LOG, ROWS = "2013-02-08", "_delta_log", ".parquet"


@pytest.fixture(scope="module")
def unread(s3_server: s3.Server) -> str:
    """The name of a bucket that nobody has read yet: Polars keeps its connections, and would ask past what stands between."""
    s3.client(s3_server).create_bucket(Bucket="disturbed")
    return "disturbed"


@pytest.fixture
def bucket(bucket: str, unread: str) -> str:
    """The address of an empty prefix in that bucket."""
    return bucket.replace(s3.BUCKET, unread)


@pytest.fixture
def uri(faults: Faults, bucket: str) -> str:
    """The address of a table with a night in it, in a bucket that can be disturbed."""
    uri = lake.address(f"{bucket}/lake", "taxi", "valid", "rides")
    put(uri, 1.0)
    return uri


def put(uri: str, *values: float) -> int:
    return lake.replace(uri, periods.parse(NIGHT), pd.DataFrame({"night": NIGHT, "value": values}))


def values(uri: str, at_version: int | None = None) -> list[float]:
    return sorted(lake.read(uri, at_version=at_version)["value"])


@pytest.mark.parametrize("within", [LOG, ROWS], ids=["its log", "its rows"])
@pytest.mark.parametrize("coming", [(Fault.BUSY, Fault.BUSY), (Fault.LOST,)], ids=["busy twice", "a lost reply"])
def test_a_night_whose_writing_is_disturbed_is_there_once_at_the_version_that_is_told(
    uri: str, faults: Faults, within: str, coming: tuple[Fault, ...]
) -> None:
    faults.inject("PUT", within, *coming)
    version = put(uri, 2.0, 3.0)
    assert faults.clear() == len(coming)
    assert values(uri) == values(uri, version) == [2.0, 3.0]


def test_a_table_whose_making_lost_its_reply_has_its_rows_once(faults: Faults, bucket: str) -> None:
    uri = lake.address(f"{bucket}/lake", "taxi", "valid", "made")
    faults.inject("PUT", LOG, Fault.LOST)
    put(uri, 2.0, 3.0)
    assert faults.clear() == 1
    assert values(uri) == [2.0, 3.0]


def test_answers_whose_commit_lost_its_reply_are_taken_once(faults: Faults, bucket: str) -> None:
    uri = lake.address(f"{bucket}/lake", "taxi", "answers", "live")
    rows = pd.DataFrame({"night": [NIGHT], "value": [1.0]})
    lake.append(uri, rows, "segment", 10)
    faults.inject("PUT", LOG, Fault.LOST)
    while lake.committed_offset(uri, "segment") < 20:
        lake.append(uri, rows, "segment", 20)
    assert faults.clear() == 1
    assert values(uri) == [1.0, 1.0]


@pytest.mark.parametrize(
    "ask", [values, lake.version, lake.nights, lambda uri: put(uri, 2.0)], ids=["rows", "version", "nights", "commit"]
)
def test_a_bucket_that_is_always_busy_is_told_and_is_no_empty_table(
    uri: str, faults: Faults, ask: Callable[[str], object]
) -> None:
    faults.inject("GET", LOG, always=Fault.BUSY)
    with pytest.raises(SetupError, match=r"expected the lake to answer at s3://.*run this again"):
        ask(uri)
    assert faults.clear() > 2
    assert (values(uri), lake.version(uri)) == ([1.0], 0)


def test_rows_cut_on_their_way_are_asked_for_again(uri: str, faults: Faults) -> None:
    faults.inject("GET", ROWS, Fault.CUT)
    assert values(uri) == [1.0]
    assert faults.clear() == 1


@pytest.mark.parametrize("within", [LOG, ROWS], ids=["its log", "its rows"])
def test_a_reading_that_gets_no_answer_is_tried_again(
    uri: str, faults: Faults, within: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "_REQUEST_TIMEOUT", "3s")
    faults.inject("GET", within, Fault.HANG)
    assert values(uri) == [1.0]
    assert faults.clear() == 1


def test_rows_that_are_always_cut_are_told_and_not_taken_for_fewer(uri: str, faults: Faults) -> None:
    faults.inject("GET", ROWS, always=Fault.CUT)
    with pytest.raises(SetupError, match="expected the lake to answer at s3://"):
        values(uri)


def test_a_log_cut_on_its_way_is_told_and_is_no_earlier_version(uri: str, faults: Faults) -> None:
    put(uri, 2.0)
    faults.inject("GET", LOG, Fault.CUT)
    with pytest.raises(SetupError, match="expected the lake to answer at s3://"):
        values(uri)
    assert values(uri) == [2.0]


def test_a_commit_that_gets_no_answer_is_told_in_half_a_minute_and_can_be_made_again(uri: str, faults: Faults) -> None:
    faults.inject("PUT", LOG, Fault.HANG)
    with pytest.raises(SetupError, match=r"timed out.*a night is replaced completely or not at all"):
        put(uri, 2.0)
    assert (faults.clear(), values(uri)) == (1, [1.0])
    assert put(uri, 2.0) == DeltaTable(uri).version() == 1
