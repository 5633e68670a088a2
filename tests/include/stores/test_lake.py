from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from include.stores import lake
from ml import nights


def rows(night: str, *values: float, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"night": night, "value": values, **more})


def put(uri: str, night: str, *values: float) -> int:
    return lake.replace(uri, nights.parse(night), rows(night, *values))


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return lake.address(tmp_path, "taxi", "valid", "rides")


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
    lake.replace(uri, nights.parse("2013-02-08..2013-02-10"), rows("2013-02-10", 10.0))
    assert values(uri) == [7.0, 10.0]


def test_no_rows_empty_the_night_and_make_no_table(uri: str) -> None:
    assert lake.replace(uri, nights.parse("2013-02-08"), pd.DataFrame()) == -1
    put(uri, "2013-02-08", 1.0)
    lake.replace(uri, nights.parse("2013-02-08"), pd.DataFrame())
    assert values(uri) == []


def test_types_survive_a_night_in_which_a_text_column_is_all_missing(uri: str) -> None:
    at = pd.Timestamp("2013-02-08 05:00", tz="UTC")
    lake.replace(uri, nights.parse("2013-02-08"), rows("2013-02-08", 1.0, who=None, at=at))
    lake.replace(uri, nights.parse("2013-02-09"), rows("2013-02-09", 2.0, who="ann", at=at))
    read = lake.read(uri).sort_values("night")
    assert read["who"].tolist() == [None, "ann"]
    assert str(read["at"].dtype.tz) == "UTC"


def test_a_night_of_other_columns_is_refused_and_leaves_the_table(uri: str) -> None:
    put(uri, "2013-02-08", 1.0)
    with pytest.raises(Exception, match=r"(?i)schema|cast|column"):
        lake.replace(uri, nights.parse("2013-02-09"), rows("2013-02-09", 1.0, extra="x").drop(columns="value"))
    assert values(uri) == [1.0]


def test_two_writers_of_one_night_leave_one_of_them_whole(uri: str) -> None:
    put(uri, "2013-02-07", 0.0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda value: put(uri, "2013-02-08", *[value] * 3), [1.0, 2.0, 3.0, 4.0]))
    left = values(uri, "2013-02-08")
    assert left in ([value] * 3 for value in (1.0, 2.0, 3.0, 4.0))


def test_writers_of_different_nights_lose_nothing(uri: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: put(uri, f"2013-02-0{day}", float(day)), range(1, 6)))
    assert values(uri) == [1.0, 2.0, 3.0, 4.0, 5.0]
