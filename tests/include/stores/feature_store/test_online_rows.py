"""Old rows of Feast's SQLite file are counted and removed by their cutoff, as Feast itself stored and reads them."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from include.settings import Settings
from include.stores import feature_store, lake
from include.stores.feature_store import Service, online_rows
from ml.usecase.periods import Period

pytestmark = pytest.mark.usefixtures("online_store")
NIGHTS = [date(2024, 3, day) for day in (15, 16, 17)]
FEATURES = {"value": "number", "zone": "text"}


@pytest.fixture(params=["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


def at(night: date) -> datetime:
    return datetime(night.year, night.month, night.day, 23, tzinfo=UTC)


@pytest.fixture
def service(home: Settings) -> Service:
    """Three nights online: of each a visitor, and of the last also a member who came every night."""
    source = lake.address(home.lake, "shop", "features", "entities")
    for night in NIGHTS:
        entities = {"entity": ["member", f"visitor of {night}"], "value": [1.0, 2.0], "zone": ["north", "south"]}
        rows = pd.DataFrame(entities).assign(night=str(night), cutoff=pd.Timestamp(at(night)))
        lake.replace(source, Period(night, night), rows)
    made = Service(use_case="shop", view="entities", version="1" * 64, source=source, types=FEATURES)
    feature_store.apply(home, made)
    feature_store.materialize(home, made, at(NIGHTS[0]), at(NIGHTS[-1]))
    return made


@pytest.mark.usefixtures("zone")
def test_rows_before_a_cutoff_go_and_the_others_are_read_as_before(home: Settings, service: Service) -> None:
    everyone = ["member", *(f"visitor of {night}" for night in NIGHTS)]
    before = feature_store.online(home, service, everyone)
    assert online_rows.count_by_cutoff(home, "shop") == {at(NIGHTS[0]): 2, at(NIGHTS[1]): 2, at(NIGHTS[2]): 4}
    assert online_rows.remove_before(home, "shop", at(NIGHTS[1])) == 2
    assert online_rows.remove_before(home, "shop", at(NIGHTS[1])) == 0
    left = feature_store.online(home, service, everyone)
    assert list(left.index) == ["member", "visitor of 2024-03-16", "visitor of 2024-03-17"]
    pd.testing.assert_frame_equal(left, before.loc[left.index])


def test_without_a_file_there_is_nothing_to_remove(home: Settings) -> None:
    assert online_rows.count_by_cutoff(home, "shop") == {}
    assert online_rows.remove_before(home, "shop", at(NIGHTS[1])) == 0
    assert not (home.feature_store / "shop").exists()
