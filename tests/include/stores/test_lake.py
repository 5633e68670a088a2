import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from include.stores import lake
from include.stores.files.spool import Spool
from ml.errors import DataError, SetupError
from ml.usecase import periods
from tests import s3


def rows(night: str, *values: float, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"night": night, "value": values, **more})


def put(uri: str, night: str, *values: float) -> int:
    return lake.replace(uri, periods.parse(night), rows(night, *values))


@pytest.fixture
def uri(root: str) -> str:
    """The address of a table that is not there yet, in a folder or in a bucket of a real S3 server."""
    return lake.address(root, "taxi", "valid", "rides")


def values(uri: str, first: str = "", last: str = "9999", at_version: int | None = None) -> list[float]:
    return sorted(lake.read(uri, first, last, at_version=at_version)["value"])


def test_a_table_that_is_not_there_has_no_rows_and_no_version(uri: str) -> None:
    assert lake.read(uri, columns=["value"]).to_dict("list") == {"value": []}
    assert lake.version(uri) == -1


def test_a_night_is_read_back_apart_from_others(uri: str) -> None:
    put(uri, "2013-02-08", 1.0, 2.0)
    put(uri, "2013-02-09", 3.0)
    assert values(uri, "2013-02-08", "2013-02-08") == [1.0, 2.0]
    assert values(uri) == [1.0, 2.0, 3.0]


def test_a_night_replaced_keeps_nothing_of_itself_and_all_of_the_others(uri: str) -> None:
    put(uri, "2013-02-08", 1.0, 2.0)
    put(uri, "2013-02-09", 3.0)
    put(uri, "2013-02-08", 4.0)
    assert values(uri) == [3.0, 4.0]


def test_replacing_twice_is_replacing_once(uri: str) -> None:
    for _ in range(2):
        put(uri, "2013-02-08", 1.0, 2.0)
    assert values(uri) == [1.0, 2.0]


def test_an_old_version_can_still_be_read(uri: str) -> None:
    before = put(uri, "2013-02-08", 1.0)
    after = put(uri, "2013-02-08", 2.0)
    assert (values(uri, at_version=before), values(uri, at_version=after)) == ([1.0], [2.0])


def test_a_window_replaces_all_of_its_nights(uri: str) -> None:
    put(uri, "2013-02-07", 7.0)
    put(uri, "2013-02-08", 8.0)
    lake.replace(uri, periods.parse("2013-02-08..2013-02-10"), rows("2013-02-10", 10.0))
    assert values(uri) == [7.0, 10.0]


def test_no_rows_empty_the_night_and_make_no_table(uri: str) -> None:
    assert lake.replace(uri, periods.parse("2013-02-08"), pd.DataFrame()) == -1
    put(uri, "2013-02-08", 1.0)
    lake.replace(uri, periods.parse("2013-02-08"), pd.DataFrame())
    assert values(uri) == []


def test_types_survive_a_night_in_which_a_text_column_is_all_missing(uri: str) -> None:
    at = pd.Timestamp("2013-02-08 05:00", tz="UTC")
    lake.replace(uri, periods.parse("2013-02-08"), rows("2013-02-08", 1.0, who=None, at=at))
    lake.replace(uri, periods.parse("2013-02-09"), rows("2013-02-09", 2.0, who="ann", at=at))
    read = lake.read(uri).sort_values("night")
    assert read["who"].tolist() == [None, "ann"]
    assert str(read["at"].dtype.tz) == "UTC"


def test_a_writer_is_told_the_version_that_it_made_whoever_else_writes(uri: str) -> None:
    put(uri, "2013-02-07", 0.0)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda day: (put(uri, f"2013-02-0{day}", float(day)), float(day)), range(1, 6)))
    for at_version, value in made:
        assert value in values(uri, at_version=at_version)
        assert value not in values(uri, at_version=at_version - 1)


@pytest.mark.parametrize("at_version", [-2, 1, 99])
def test_a_version_that_never_was_is_refused(uri: str, at_version: int) -> None:
    put(uri, "2013-02-08", 1.0)
    with pytest.raises(DataError, match=f"expected a version of valid/rides from 0 to 0, got {at_version}"):
        lake.read(uri, at_version=at_version)


def test_before_its_first_version_a_table_has_no_rows(uri: str) -> None:
    put(uri, "2013-02-08", 1.0)
    assert lake.read(uri, at_version=lake.ABSENT).empty


def test_a_table_gains_and_keeps_columns(uri: str) -> None:
    put(uri, "2013-02-08", 1.0)
    lake.replace(uri, periods.parse("2013-02-09"), rows("2013-02-09", 2.0, zone="north"))
    lake.replace(uri, periods.parse("2013-02-10"), rows("2013-02-10", 3.0))
    assert lake.read(uri).sort_values("night")["zone"].tolist() == [None, "north", None]
    assert list(lake.read(uri, at_version=0).columns) == ["night", "value"]


def typed(night: str, values: list[object], kind: str) -> pd.DataFrame:
    return pd.DataFrame({"night": night, "value": pd.Series(values, dtype=kind)})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("int8", [127, -128]), ("int64", [2**40, 1]), id="a wider whole number"),
        pytest.param(("int64", [2**62, 1]), ("int8", [1, 2]), id="a narrower whole number"),
        pytest.param(("uint8", [255, 0]), ("uint32", [2**32 - 1, 0]), id="without a sign"),
        pytest.param(("float32", [0.5, 1.0]), ("float64", [1 / 3, 0.1]), id="a wider float"),
        pytest.param(("int64", [2**53, 1]), ("float64", [0.5, None]), id="whole numbers that may be missing now"),
        pytest.param(("float64", [0.5, 1.0]), ("int64", [-(2**53), 1]), id="floats that are whole now"),
        pytest.param(("int64", [2**53 + 1, 1]), ("Int64", [2**62 + 1, None]), id="large ids that may be missing now"),
        pytest.param(("bool", [True, False]), ("float64", [0.25, None]), id="a flag that is a share now"),
    ],
)
def test_a_table_follows_a_number_to_another_type_without_changing_a_value(
    uri: str, before: tuple[str, list[object]], after: tuple[str, list[object]]
) -> None:
    lake.replace(uri, periods.parse("2013-02-08"), typed("2013-02-08", before[1], before[0]))
    lake.replace(uri, periods.parse("2013-02-09"), typed("2013-02-09", after[1], after[0]))
    both = lake.read(uri).sort_values("night", kind="stable")["value"].astype(object)
    assert [None if pd.isna(each) else each for each in both] == [*before[1], *after[1]]
    assert len(lake.read(uri, at_version=0)) == 2
    (batch,) = lake.batches(uri, periods.parse("2013-02-09"))
    assert [None if pd.isna(each) else each for each in batch["value"].astype(object)] == after[1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("float64", [1.0]), ("object", ["a"]), id="text now"),
        pytest.param(("object", ["1"]), ("float64", [1.0]), id="text before"),
        pytest.param(("int64", [2**53 + 1]), ("float64", [0.5]), id="beyond a float, stored"),
        pytest.param(("float64", [0.5]), ("int64", [2**53 + 1]), id="beyond a float, new"),
        pytest.param(("datetime64[us, UTC]", [0]), ("datetime64[us]", [0]), id="an instant without a zone now"),
    ],
)
def test_a_table_refuses_a_type_that_would_change_values_until_all_nights_are_replaced(
    uri: str, before: tuple[str, list[object]], after: tuple[str, list[object]], tmp_path: Path
) -> None:
    lake.replace(uri, periods.parse("2013-02-08"), typed("2013-02-08", before[1], before[0]))
    rows = typed("2013-02-09", after[1], after[0])
    for given in (rows, Spool(folder=tmp_path / "spool").add(rows)):
        with pytest.raises(DataError, match="^expected .* the column under a new name"):
            lake.replace(uri, periods.parse("2013-02-09"), given)
    assert lake.version(uri) == 0
    lake.replace(uri, periods.parse("2013-02-08..2013-02-09"), typed("2013-02-09", after[1], after[0]))
    assert lake.read(uri)["value"].tolist() == typed("", after[1], after[0])["value"].tolist()


def test_a_writer_that_always_loses_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*args: object) -> int:
        raise CommitFailedError("a concurrent transaction")

    monkeypatch.setattr(lake, "_write", lost)
    monkeypatch.setattr(lake, "_PAUSE_SECONDS", 0)
    with pytest.raises(
        DataError, match=r"replace 2013-02-08 to 2013-02-08 of valid/rides, .* committed first 8 times .* again"
    ):
        put(lake.address(tmp_path, "taxi", "valid", "rides"), "2013-02-08", 1.0)


@pytest.mark.servers
@pytest.mark.parametrize("ask", [lake.read, lake.version, lake.nights], ids=["rows", "version", "nights"])
def test_a_bucket_that_is_away_is_an_error_and_no_empty_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], object]
) -> None:
    with s3.running(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        uri = lake.address(f"s3://{s3.BUCKET}", "taxi", "valid", "rides")
        put(uri, "2013-02-08", 1.0)
    with pytest.raises(SetupError, match=r"expected the lake to answer at s3://.*Connection refused.*run this again"):
        ask(uri)


@pytest.mark.servers
def test_credentials_may_be_in_a_file_as_in_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3.running(tmp_path) as server:
        for name, value in server.environment_with_file(tmp_path / "credentials").items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
        uri = lake.address(f"s3://{s3.BUCKET}", "taxi", "valid", "rides")
        put(uri, "2013-02-08", 1.0)
        put(uri, "2013-02-08", 2.0)
        assert values(uri) == [2.0]
        assert values(uri, at_version=0) == [1.0]
        assert lake.count(uri) == 1
        nights = periods.parse("2013-02-08")
        assert sum(len(each) for each in lake.batches(uri, nights)) == 1
        widened = lake.address(f"s3://{s3.BUCKET}", "taxi", "valid", "bookings")
        lake.replace(widened, nights, rows("2013-02-08", 3.0).astype({"value": "int32"}))
        lake.replace(widened, periods.parse("2013-02-09"), rows("2013-02-09", 4.0).astype({"value": "int64"}))
        assert values(widened) == [3, 4]


@pytest.mark.servers
def test_a_wrong_secret_is_told_as_such(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(SetupError, match="SignatureDoesNotMatch"):
        lake.read(lake.address(bucket, "taxi", "valid", "rides"))


@pytest.mark.servers
def test_the_one_of_two_writers_who_comes_second_loses_its_commit_in_a_bucket(bucket: str) -> None:
    uri, period = lake.address(bucket, "taxi", "valid", "rides"), "night >= '2013-02-08' AND night <= '2013-02-08'"
    put(uri, "2013-02-08", 1.0)
    first, second = DeltaTable(uri), DeltaTable(uri)
    write_deltalake(first, pa.Table.from_pandas(rows("2013-02-08", 2.0)), mode="overwrite", predicate=period)
    with pytest.raises(CommitFailedError):
        write_deltalake(second, pa.Table.from_pandas(rows("2013-02-08", 3.0)), mode="overwrite", predicate=period)
    assert values(uri) == [2.0]


def test_old_versions_outlive_deltas_own_cleaning_of_its_log(tmp_path: Path) -> None:
    uri = lake.address(tmp_path, "taxi", "valid", "rides")
    for value in range(5):
        put(uri, "2013-02-08", float(value))
    long_ago = time.time() - 400 * 86_400
    DeltaTable(uri).create_checkpoint()
    for file in Path(uri, "_delta_log").iterdir():
        os.utime(file, (long_ago, long_ago))
    put(uri, "2013-02-08", 5.0)
    DeltaTable(uri).create_checkpoint()
    DeltaTable(uri).cleanup_metadata()
    assert [values(uri, at_version=each) for each in range(6)] == [[float(each)] for each in range(6)]


def test_vacuum_keeps_a_named_version_bit_for_bit_and_removes_an_unnamed_one(uri: str) -> None:
    for value in range(4):
        put(uri, "2013-02-08", float(value), value / 3)
    before = lake.read(uri, at_version=1)
    removed = lake.vacuum(uri, keep=[1], hours=0)
    assert len(removed) == 2
    pd.testing.assert_frame_equal(lake.read(uri, at_version=1), before, check_exact=True)
    assert values(uri) == [1.0, 3.0]
    for gone in (0, 2):
        with pytest.raises(
            DataError, match=rf"version {gone} of valid/rides cannot be read any more .*: a vacuum removed"
        ):
            lake.read(uri, at_version=gone)


def test_a_dry_vacuum_tells_what_would_go_and_removes_nothing(uri: str) -> None:
    for value in range(3):
        put(uri, "2013-02-08", float(value))
    reported = lake.vacuum(uri, keep=[0], hours=0, dry_run=True)
    assert [values(uri, at_version=each) for each in range(3)] == [[0.0], [1.0], [2.0]]
    assert lake.vacuum(uri, keep=[0], hours=0) == reported
    assert len(reported) == 1


def test_what_the_last_hours_needed_is_not_vacuumed(uri: str) -> None:
    for value in range(3):
        put(uri, "2013-02-08", float(value))
    assert lake.vacuum(uri, keep=[], hours=24) == ()
    assert values(uri, at_version=0) == [0.0]


def test_a_version_to_keep_that_is_not_there_stops_the_vacuum(uri: str) -> None:
    for value in range(3):
        put(uri, "2013-02-08", float(value))
    with pytest.raises(DataError, match="expected a version of valid/rides from 0 to 2, got 7"):
        lake.vacuum(uri, keep=[7], hours=0)
    assert values(uri, at_version=0) == [0.0]


def test_a_table_that_is_not_there_needs_no_vacuum(uri: str) -> None:
    assert lake.vacuum(uri, keep=[], hours=0) == ()


def test_two_writers_of_one_night_leave_one_of_them_whole(uri: str) -> None:
    put(uri, "2013-02-07", 0.0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda value: put(uri, "2013-02-08", *[value] * 3), [1.0, 2.0, 3.0, 4.0]))
    left = values(uri, "2013-02-08")
    assert left in ([value] * 3 for value in (1.0, 2.0, 3.0, 4.0))


def test_two_writers_of_one_night_from_disk_leave_one_of_them_whole(uri: str, tmp_path: Path) -> None:
    put(uri, "2013-02-07", 0.0)

    def write(value: float) -> None:
        spool = Spool(folder=tmp_path / str(value))
        for _ in range(3):
            spool = spool.add(rows("2013-02-08", value))
        lake.replace(uri, periods.parse("2013-02-08"), spool)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [1.0, 2.0, 3.0, 4.0]))
    assert values(uri, "2013-02-08", "2013-02-08") in ([value] * 3 for value in (1.0, 2.0, 3.0, 4.0))


def test_no_rows_on_disk_empty_the_night(uri: str, tmp_path: Path) -> None:
    put(uri, "2013-02-08", 1.0)
    lake.replace(uri, periods.parse("2013-02-08"), Spool(folder=tmp_path / "none"))
    assert values(uri) == []


def test_writers_of_different_nights_lose_nothing(uri: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: put(uri, f"2013-02-0{day}", float(day)), range(1, 6)))
    assert values(uri) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_of_writers_that_make_a_table_at_once_one_has_its_rows_in_it(tmp_path: Path) -> None:
    for trial in range(12):
        uri = str(tmp_path / str(trial))
        with ThreadPoolExecutor(4) as pool:
            written = [
                pool.submit(lake.replace, uri, periods.parse("2013-02-08"), rows("2013-02-08", float(number)))
                for number in range(4)
            ]
        assert sorted(each.result() for each in written) == [0, 1, 2, 3]
        assert len(lake.read(uri)) == 1


def test_rows_come_in_frames_and_are_all_there(uri: str) -> None:
    for night in ("2013-02-07", "2013-02-08", "2013-02-09"):
        put(uri, night, *map(float, range(20_000)))
    frames = list(lake.batches(uri, periods.parse("2013-02-08..2013-02-09"), ["night", "value"], length=15_000))
    assert len(frames) > 1
    pd.testing.assert_frame_equal(
        pd.concat(frames).sort_values(["night", "value"], ignore_index=True),
        lake.read(uri, "2013-02-08", "2013-02-09").sort_values(["night", "value"], ignore_index=True),
    )
    assert lake.count(uri, "2013-02-08", "2013-02-09") == 40_000


def test_frames_are_those_of_the_version_that_is_asked_for(uri: str) -> None:
    assert list(lake.batches(uri, periods.parse("2013-02-08"))) == []
    first = put(uri, "2013-02-08", 1.0)
    put(uri, "2013-02-08", 2.0)
    (frame,) = lake.batches(uri, periods.parse("2013-02-08"), at_version=first)
    assert frame["value"].tolist() == [1.0]
    with pytest.raises(DataError, match="expected a version"):
        list(lake.batches(uri, periods.parse("2013-02-08"), at_version=7))


def test_a_table_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", denied)
    for read in (lake.read, lake.nights, lake.version, lake.columns):
        with pytest.raises(PermissionError, match="_delta_log"):
            read(str(tmp_path / "rides"))
