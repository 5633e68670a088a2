"""What was set aside comes back as often as it is asked for, in the types of its first frame."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from include.stores.files.spool import Spool

FIRST = pd.DataFrame({"who": ["ann", None], "size": [1.0, 2.0]})


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(folder=tmp_path / "aside")


def test_frames_come_back_in_order_and_again(spool: Spool) -> None:
    spool = spool.add(FIRST).add(FIRST.iloc[:0]).add(FIRST.iloc[:1])
    expected = {"who": ["ann", None, "ann"], "size": [1.0, 2.0, 1.0]}
    assert [spool.read().read_all().to_pydict() for _ in range(2)] == [expected, expected]
    assert (spool.count, spool.frames) == (3, 2)


def test_a_text_is_a_text_whatever_the_first_frame_had_of_it(spool: Spool) -> None:
    spool = spool.add(FIRST.iloc[1:]).add(FIRST.assign(who=FIRST["who"].astype("category")))
    assert spool.read().read_all().to_pydict()["who"] == [None, "ann", None]


def test_a_frame_of_another_type_is_refused_rather_than_bent(spool: Spool) -> None:
    spool = spool.add(FIRST).add(FIRST.assign(size="large"))
    with pytest.raises(pa.ArrowInvalid, match="large"):
        spool.read().read_all()


def test_without_a_row_there_is_no_file(spool: Spool) -> None:
    assert (spool.add(FIRST.iloc[:0]).count, spool.folder.exists()) == (0, False)
