"""Every way to a feature agrees to the last bit; a skew planted in one of them is told by way, feature and count."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.steps.context import StepContext
from include.steps.features import build, materialize, parity, snapshot_archive
from include.steps.score import score
from include.stores import feature_store, lake, landing, ledger, snapshot_store, warehouse
from ml.features import snapshots
from ml.governance.ledger_entries import EntryKind, ParityChecked
from ml.usecase import UseCase, periods
from ml.usecase.periods import Period
from tests import recorded
from tests.include.steps.conftest import LAST, NIGHT, contents

MONDAY = "2024-03-18"
NIGHTLY = ["live online store", "online store", "rebuild", "snapshot", "training join"]
WEEKLY = sorted([*NIGHTLY, "historical retrieval", "live historical retrieval", "live rebuild"])

pytestmark = pytest.mark.usefixtures("online_store")
Arrive = Callable[[str], Settings]


def online(arrive: Arrive, step: str, night: str) -> Settings:
    """Arrive where the features of `night` are built, publish its scores, deploy, and materialize it."""
    settings = arrive(step)
    score.score("taxi", night)
    materialize.apply("taxi")
    materialize.materialize("taxi", night)
    return settings


def measured(settings: Settings, night: str) -> dict[str, tuple[float | None, int]]:
    """Return how many values differ and how many entities were compared, by way."""
    engine, when = warehouse.engine(settings.warehouse_url), periods.parse(night).first
    result = warehouse.metrics(engine, "taxi", when, when)
    return {each.metric.removeprefix("parity:"): (each.value, each.n) for each in result if "parity:" in each.metric}


def alerts(settings: Settings, night: str) -> dict[str, str]:
    """Return what is told of parity, by way."""
    engine, when = warehouse.engine(settings.warehouse_url), periods.parse(night).first
    return {
        each.subject: each.message for each in warehouse.alerts(engine, "taxi", when, when) if each.kind == "parity"
    }


@pytest.mark.parametrize(
    ("step", "night", "ways"),
    [
        pytest.param("score", NIGHT, NIGHTLY, id="a night in the week"),
        pytest.param("monitor", MONDAY, WEEKLY, id="the first night of a week"),
    ],
)
def test_every_way_agrees_and_the_ledger_says_so_once(arrive: Arrive, step: str, night: str, ways: list[str]) -> None:
    settings = online(arrive, step, night)
    assert parity.check("taxi", night) == 0
    assert measured(settings, night) == dict.fromkeys(ways, (0.0, 60))
    assert alerts(settings, night) == {}
    left = contents(settings)
    assert parity.check("taxi", night) == 0
    assert contents(settings) == left
    [checked] = recorded.payloads(settings, EntryKind.PARITY, ParityChecked)
    assert sorted(checked.sources) == ways


def test_a_time_zone_shift_of_the_cutoff_is_caught(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("monitor")
    night = date.fromisoformat(MONDAY)
    rows = build.read(settings.lake, taxi, MONDAY, MONDAY)
    shifted = rows.assign(cutoff=rows["cutoff"] + pd.Timedelta(hours=5, minutes=30))  # local time, written as if UTC
    lake.replace(build.address(settings.lake, taxi), Period(night, night), shifted)
    score.score("taxi", MONDAY)
    materialize.apply("taxi")
    materialize.materialize("taxi", MONDAY)
    assert parity.check("taxi", MONDAY) > 0
    reported = alerts(settings, MONDAY)
    assert "cutoff of 60 entities" in reported["rebuild"]
    assert "got 2024-03-17 21:30:00+00:00" in reported["rebuild"]
    assert "zone of 60 entities" in reported["historical retrieval"]


def correct_rides(settings: Settings) -> None:
    """Land the night's rides anew, all of them late, and follow with valid rows and features, but no further."""
    path = Path(str(landing.period_location(settings.landing, "taxi", periods.parse(NIGHT)))) / "rides.csv"
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows.assign(minutes_late="599").to_csv(path, index=False)
    ingest.ingest("taxi", NIGHT)
    build.build("taxi", NIGHT)


def without_a_zones_traffic(settings: Settings, taxi: UseCase) -> None:
    """Let one zone's traffic be unknown for the night, so that a feature is missing there."""
    uri, night = build.valid_address(settings.lake, taxi, "traffic"), date.fromisoformat(NIGHT)
    rows = lake.read(uri)
    for day in (date(2024, 3, 16), night):
        kept = rows[(rows["night"] == str(day)) & (rows["zone"] != "north")]
        lake.replace(uri, Period(day, day), kept)
    build.build("taxi", NIGHT)


@pytest.mark.parametrize(("step", "night", "ways"), [("score", NIGHT, NIGHTLY), ("monitor", MONDAY, WEEKLY)])
def test_without_an_online_store_every_other_way_is_compared(
    arrive: Arrive, step: str, night: str, ways: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RATCHET_ONLINE_STORE_URL")
    settings = online(arrive, step, night)
    assert parity.check("taxi", night) == 0
    assert measured(settings, night) == {way: (0.0, 60) for way in ways if not way.endswith("online store")}


def test_a_null_filled_with_zero_on_the_way_online_is_caught(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    score.score("taxi", NIGHT)
    without_a_zones_traffic(settings, taxi)
    materialize.apply("taxi")
    materialize.materialize("taxi", NIGHT)
    assert parity.check("taxi", NIGHT) == 0
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT)
    missing = int(rows["congestion"].isna().sum())
    assert missing
    filled = rows.drop(columns="night").fillna({"congestion": 0.0}).astype({"zone": object})
    with feature_store.registry.open_store(settings, "taxi") as store:
        store.write_to_online_store("entities", filled)
    assert parity.check("taxi", NIGHT) == missing
    [(way, message)] = alerts(settings, NIGHT).items()
    assert way == "online store"
    assert f"congestion of {missing} entities (" in message
    assert ": expected nan, got 0.0" in message


def test_a_late_row_after_the_materialisation_is_caught_and_the_next_one_mends_it(arrive: Arrive) -> None:
    settings = online(arrive, "score", NIGHT)
    assert parity.check("taxi", NIGHT) == 0
    correct_rides(settings)
    assert parity.check("taxi", NIGHT) > 0
    reported = alerts(settings, NIGHT)
    assert sorted(reported) == ["live online store", "online store", "snapshot"]
    assert all("is_late_mean_by_zone_3d of " in message for message in reported.values())
    materialize.materialize("taxi", NIGHT)
    assert parity.check("taxi", NIGHT) == 0
    assert alerts(settings, NIGHT) == {}
    engine = warehouse.engine(settings.warehouse_url)
    assert len(ledger.entries(engine, "taxi", EntryKind.PARITY)) == 3


def test_a_stale_online_row_is_caught_by_its_cutoff_too(arrive: Arrive, taxi: UseCase) -> None:
    settings = online(arrive, "score", NIGHT)
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT).head(1)
    stale = rows.drop(columns="night").astype({"zone": object})
    stale = stale.assign(cutoff=stale["cutoff"] - pd.Timedelta(days=1), kilometres=stale["kilometres"] + 3)
    with feature_store.registry.open_store(settings, "taxi") as store:
        store.write_to_online_store("entities", stale)
    assert parity.check("taxi", NIGHT) == 2
    message = alerts(settings, NIGHT)["online store"]
    assert "cutoff of 1 entities" in message
    assert "kilometres of 1 entities, by up to 3 " in message


def test_an_online_store_that_missed_the_night_is_caught(arrive: Arrive) -> None:
    settings = online(arrive, "score", NIGHT)
    (settings.feature_store / "taxi" / "online.db").unlink()
    with feature_store.registry.open_store(settings, "taxi") as store:
        store.apply(store.list_feature_views())  # makes the tables of the online store anew
    parity.check("taxi", NIGHT)
    assert "60 absent" in alerts(settings, NIGHT)["online store"]


def test_a_snapshot_of_the_night_before_is_caught(arrive: Arrive, taxi: UseCase) -> None:
    settings = online(arrive, "score", NIGHT)
    folder = snapshot_archive.folder(StepContext(case=taxi, settings=settings))
    shutil.rmtree(folder)
    snapshot_store.put(
        folder,
        date(2024, 3, 16),
        snapshots.pack(build.read(settings.lake, taxi, LAST, LAST).drop(columns=["night", "cutoff"]), {}),
    )
    parity.check("taxi", NIGHT)
    assert list(alerts(settings, NIGHT)) == ["snapshot"]
    assert "60 absent" in alerts(settings, NIGHT)["snapshot"]


def test_a_damaged_snapshot_is_caught(arrive: Arrive, taxi: UseCase) -> None:
    settings = online(arrive, "score", NIGHT)
    folder = snapshot_archive.folder(StepContext(case=taxi, settings=settings))
    place = snapshot_store.newest(folder)
    assert place is not None
    (folder / place.folder / "numbers.f8").write_bytes(b"")
    parity.check("taxi", NIGHT)
    assert list(alerts(settings, NIGHT)) == ["snapshot"]


def test_a_feature_that_the_training_join_changes_is_caught(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = online(arrive, "score", NIGHT)
    read = parity.training_set.read

    def filled(*args: object, **kwargs: object) -> object:
        rows = read(*args, **kwargs)  # type: ignore[arg-type]
        return type(rows)(frame=rows.frame.assign(congestion=0.0), labels=rows.labels, nights=rows.nights)

    monkeypatch.setattr(parity.training_set, "read", filled)
    assert parity.check("taxi", NIGHT) == 60
    assert "congestion of 60 entities" in alerts(settings, NIGHT)["training join"]


def test_a_member_who_came_back_later_is_not_expected_online_as_of_then(home: Settings, gym: UseCase) -> None:
    ingest.ingest("gym", gym.demo.history)
    build.build("gym", gym.demo.history)
    november = build.read(home.lake, gym, "2023-11-01", "2023-11-01")
    december = build.read(home.lake, gym, "2023-12-01", "2023-12-01")
    december.loc[0, ["entity", "visits"]] = november.loc[0, "entity"], 99.0
    lake.replace(build.address(home.lake, gym), periods.parse("2023-12-01"), december)
    members = len(november)
    materialize.apply("gym")
    materialize.materialize("gym", "2023-12-01")
    assert parity.check("gym", "2023-11-01") == 0
    result = warehouse.metrics(warehouse.engine(home.warehouse_url), "gym", metric="parity:online store")
    assert [(each.value, each.n) for each in result] == [(0.0, members - 1)]


def test_without_features_nothing_is_compared(home: Settings, taxi: UseCase) -> None:
    materialize.apply("taxi")
    assert parity.check("taxi", NIGHT) == 0
    assert measured(home, NIGHT) == {}


@pytest.mark.parametrize(
    ("name", "night", "expected"),
    [
        ("taxi", "2024-03-18", True),
        ("taxi", "2024-03-17", False),
        ("taxi", "2024-01-01", True),
        ("gym", "2024-05-01", True),
    ],
    ids=["a Monday", "a Sunday", "a new year", "a month"],
)
def test_feast_is_asked_for_the_past_on_the_first_night_of_a_week(
    toys: None, name: str, night: str, expected: bool
) -> None:
    assert parity.is_first_of_week(usecases.get(name), date.fromisoformat(night)) is expected
