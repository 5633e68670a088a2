"""Feast, as we use it: declared on a deploy, brought online by windows, asked online and for a moment of the past."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from include.settings import PROJECT, Settings
from include.stores import feature_store, lake
from include.stores.feature_store import Service
from ml.errors import SetupError
from ml.usecase.periods import Period

pytestmark = pytest.mark.usefixtures("online_store")
NIGHTS = [date(2024, 3, day) for day in (15, 16, 17)]
Shop = Callable[..., Service]


def at(night: date) -> datetime:
    """Return a cutoff an hour before midnight UTC, so that a zone more or less would make it another day."""
    return datetime(night.year, night.month, night.day, 23, tzinfo=UTC)


def rows(night: date, value: float) -> pd.DataFrame:
    """Return a member who comes back every night, and a visitor who does not."""
    entities = ["member", f"visitor of {night}"]
    values = {"value": [value, None], "zone": ["north", None]}
    return pd.DataFrame({"entity": entities, "night": str(night), "cutoff": pd.Timestamp(at(night)), **values}).astype(
        {"value": "float64", "zone": "object"}
    )


@pytest.fixture
def service(home: Settings) -> Service:
    """A service over a table with three nights, deployed."""
    source = lake.address(home.lake, "shop", "features", "entities")
    for number, night in enumerate(NIGHTS):
        lake.replace(source, Period(night, night), rows(night, float(number)))
    types = {"value": "number", "zone": "text"}
    made = Service(use_case="shop", view="entities", version="1" * 64, source=source, types=types)
    feature_store.apply(home, made)
    return made


def test_the_newest_row_of_the_window_is_online_with_its_cutoff(home: Settings, service: Service) -> None:
    feature_store.materialize(home, service, at(NIGHTS[0]), at(NIGHTS[2]))
    result = feature_store.online(home, service, ["member", "visitor of 2024-03-16", "nobody"])
    assert list(result.index) == ["member", "visitor of 2024-03-16"]
    assert result.loc["member"].tolist() == [2.0, "north", pd.Timestamp(at(NIGHTS[2]))]
    assert result.loc["visitor of 2024-03-16", ["value", "zone"]].isna().all()


def test_both_ends_of_a_window_belong_to_it(home: Settings, service: Service) -> None:
    feature_store.materialize(home, service, at(NIGHTS[1]), at(NIGHTS[1]))
    result = feature_store.online(home, service, [f"visitor of {night}" for night in NIGHTS])
    assert list(result.index) == ["visitor of 2024-03-16"]


def test_history_is_what_was_known_at_each_moment_and_no_row_is_lost(home: Settings, service: Service) -> None:
    moments = pd.Series([pd.Timestamp(at(night)) for night in NIGHTS] * 2, index=["member"] * 3 + ["nobody"] * 3)
    result = feature_store.historical(home, service, moments)
    assert sorted(result.loc["member", "value"]) == [0.0, 1.0, 2.0]
    assert result.loc["nobody", "value"].isna().all()
    before = pd.Series([pd.Timestamp(at(NIGHTS[1]) - timedelta(seconds=1))], index=["member"])
    assert feature_store.historical(home, service, before)["value"].tolist() == [0.0]


def test_the_machines_time_zone_moves_nothing(home: Settings, service: Service) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        assert datetime(2024, 3, 16).astimezone().utcoffset() == timedelta(hours=5, minutes=30)
        feature_store.materialize(home, service, at(NIGHTS[1]), at(NIGHTS[1]))
        online = feature_store.online(home, service, ["member"])
    time.tzset()
    assert (online["cutoff"].tolist(), online["value"].tolist()) == ([at(NIGHTS[1])], [1.0])


def test_features_can_be_deployed_before_there_is_a_table_and_only_once(home: Settings) -> None:
    made = Service(use_case="new", view="live", version="2" * 64, source="nowhere", types={"value": "number"})
    assert feature_store.apply(home, made) == ["live_222222222222"]
    assert feature_store.apply(home, made) == []


def test_an_older_service_can_still_be_asked_after_a_deploy(home: Settings, service: Service) -> None:
    wider = replace(service, version="3" * 64, types={**service.types, "more": "number"})
    feature_store.apply(home, wider)
    with feature_store.registry.open_store(home, "shop") as store:
        names = {each.name for each in store.list_feature_services()}
        kept = store.get_feature_service(service.name)
    assert names == {service.name, wider.name}
    assert [each.name for each in kept.feature_view_projections[0].features] == ["value", "zone"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"version": "4" * 64}, id="other features"),
        pytest.param({"source": "elsewhere"}, id="a lake that moved"),
    ],
)
def test_what_was_never_deployed_is_refused_with_the_word_that_deploys_it(
    home: Settings, service: Service, change: dict[str, str]
) -> None:
    other = replace(service, **change)  # type: ignore[arg-type]
    with pytest.raises(SetupError, match=f"does not have {other.name}.*`ratchet features apply`"):
        feature_store.materialize(home, other, at(NIGHTS[0]), at(NIGHTS[2]))


def test_an_online_store_that_we_do_not_know_is_refused(home: Settings, service: Service) -> None:
    elsewhere = replace(home, online_store_url="memcached://x")
    with pytest.raises(
        SetupError, match="RATCHET_ONLINE_STORE_URL to be empty .no online store., sqlite, or redis://.*got .memcached"
    ):
        feature_store.apply(elsewhere, service)


def test_asking_which_features_are_deployed_does_not_wake_feast(home: Settings, service: Service) -> None:
    program = (
        "import sys; from include.settings import load_settings\n"
        "from include.stores import feature_store\n"
        f"service = feature_store.Service(use_case='shop', view='entities', version={service.version!r}, "
        f"source={service.source!r}, types={{}})\n"
        "assert feature_store.is_applied(load_settings(), service)\n"
        "sys.exit(3 if 'feast' in sys.modules else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "RATCHET_HOME": str(home.home)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def test_the_registry_and_the_online_store_rest_in_the_feature_stores_folder(home: Settings, service: Service) -> None:
    feature_store.materialize(home, service, at(NIGHTS[0]), at(NIGHTS[2]))
    names = {path.name for path in Path(home.feature_store / "shop").iterdir()}
    assert {"registry.db", "online.db", "entities.applied"} <= names
