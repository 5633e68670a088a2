"""A table too long to be judged at once leaves what it leaves when it is judged whole: all of it in one commit, or none."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pytest

from include import usecases
from include.stores import lake
from include.stores.files.spool import Spool
from ml.ingestion import chunks
from tests.include.steps.conftest import NIGHT, Night, contents
from tests.include.steps.ingest.test_corpus import TAKEN, Change, cell, land, named
from tests.made_once import Once

pytestmark = pytest.mark.parametrize("night", ["folder"], indirect=True)


def spoil(night: Night) -> None:
    """Let the night have a bad row, a late part, a file of other columns and one that cannot be read."""
    night.place.put("bookings.csv", cell("kilometres", "far")(night.fetch("bookings.csv")))
    header, *lines = night.fetch("rides.csv").splitlines(keepends=True)
    night.place.put("rides.late.csv", b"".join([header, *lines[7:23], b"cut\n"]))
    night.place.put("traffic.more.csv", b"who,size\n" + b"ann,3\n" * 30)
    night.place.put("traffic.damaged.csv.gz", b"no gzip")


@pytest.mark.parametrize("longest", [7, 25, 61])
def test_a_night_judged_in_stretches_leaves_what_it_leaves_when_it_is_judged_whole(
    night: Night, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    spoil(night)
    counts = night.take()
    whole = contents(night.where)
    monkeypatch.setattr(chunks, "MAX_ROWS", longest)
    assert night.take() == counts
    assert contents(night.where) == whole


@pytest.fixture
def whole(night: Night, once: Once) -> pd.DataFrame:
    """The bookings of the night, judged whole."""

    def judge(folder: Path) -> None:
        night.take()
        folder.mkdir()
        bookings(night).to_pickle(folder / "bookings")

    return pd.read_pickle(once("whole-bookings", judge) / "bookings")


def bookings(night: Night) -> pd.DataFrame:
    return night.stage("valid", "bookings").sort_values("entity", ignore_index=True)


@pytest.mark.parametrize(("name", "change"), named(TAKEN))
def test_a_long_file_in_any_form_is_taken(
    night: Night, whole: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, name: str, change: Change
) -> None:
    monkeypatch.setattr(chunks, "MAX_ROWS", 25)
    land(night, name, change)
    night.take()
    pd.testing.assert_frame_equal(bookings(night), whole)


@pytest.mark.parametrize("longest", [1000, 20], ids=["whole", "in stretches"])
def test_a_rule_of_the_table_that_a_late_stretch_breaks_refuses_all_rows(
    night: Night, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    schema = usecases.module("taxi", "schema")

    class Near(schema.Booking):
        """Nobody books the farthest ride."""

        @pa.dataframe_check(error="somebody booked 100 kilometres")
        def are_nearer(cls, rows: pd.DataFrame) -> bool:
            return bool((rows["kilometres"] < 100).all())

    monkeypatch.setattr(schema, "Booking", Near)
    monkeypatch.setattr(chunks, "MAX_ROWS", longest)
    night.place.put("bookings.csv", cell("kilometres", "100", line=60)(night.fetch("bookings.csv")))
    night.take()
    held, file = night.stage("quarantine", "bookings"), night.files()["bookings.csv"]
    reason = "the table as a whole breaks its contract: somebody booked 100 kilometres"
    assert (len(night.stage("valid", "bookings")), set(held["reasons"])) == (0, {f"the whole file: {reason}"})
    assert sorted(held["line"]) == list(range(2, 62))
    assert (file.status, file.reason, file.rows_quarantined) == ("quarantined", reason, 60)


def test_the_row_of_a_later_part_stands_though_it_is_judged_in_another_stretch(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "MAX_ROWS", 7)
    corrected = cell("kilometres", "77", line=2)(night.fetch("bookings.csv")).splitlines(keepends=True)
    night.place.put("bookings.late.csv", b"".join(corrected[:2]))
    night.take()
    valid = night.stage("valid", "bookings")
    assert (len(valid), (valid["kilometres"] == 77).sum()) == (60, 1)
    assert night.files()["bookings.csv"].rows_quarantined == 1


def test_a_table_is_written_in_one_commit_each_for_what_is_valid_and_what_is_held(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(night)
    uris = [lake.address(night.where.lake, "taxi", stage, "rides") for stage in ("valid", "quarantine")]
    before = [lake.version(uri) for uri in uris]
    monkeypatch.setattr(chunks, "MAX_ROWS", 7)
    night.take()
    assert [lake.version(uri) for uri in uris] == [version + 1 for version in before]


def test_interrupted_between_two_stretches_nothing_of_the_table_is_written(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "MAX_ROWS", 7)
    add = Spool.add

    def full(spool: Spool, frame: pd.DataFrame) -> Spool:
        if spool.frames == 3:
            raise OSError("no space left on device")
        return add(spool, frame)

    before = contents(night.where)
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "add", full)
        with pytest.raises(OSError, match="no space left"):
            night.take()
    assert contents(night.where) == before
    night.take()
    assert len(lake.read(lake.address(night.where.lake, "taxi", "valid", "bookings"), NIGHT, NIGHT)) == 60
