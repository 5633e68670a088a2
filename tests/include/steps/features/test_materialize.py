"""A night's features go online and into a snapshot; again, or killed and again, leaves the same; servers outlive stores."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.steps.context import StepContext
from include.steps.features import build, materialize, snapshot_archive
from include.stores import feature_store, packages, snapshot_store
from ml.errors import SetupError
from ml.features import snapshots
from ml.packaging import package_files
from ml.usecase import Personal, UseCase
from tests.include.steps.conftest import LAST, NIGHT
from tests.killing import Killed, killed_after

pytestmark = pytest.mark.usefixtures("online_store")
Arrive = Callable[[str], Settings]


def deployed(arrive: Arrive, step: str = "ingest the next night") -> Settings:
    """Arrive where the scores of a night are published, and deploy."""
    settings = arrive(step)
    materialize.apply("taxi")
    return settings


def held(case: UseCase, settings: Settings) -> dict[str, Any]:
    """Return what is online of every entity at each horizon, and what is on the shelf."""
    reported: dict[str, Any] = {}
    for service, horizon in zip(build.services(StepContext(case=case, settings=settings)), case.horizons, strict=False):
        ids = sorted(build.read(settings.lake, case, horizon=horizon)["entity"])
        reported[service.view] = feature_store.online(settings, service, ids).to_csv()
    folder = snapshot_archive.folder(StepContext(case=case, settings=settings))
    reported["shelf"] = {path.name: sorted(folder.glob(f"{path.name}/*")) and path.name for path in folder.iterdir()}
    reported["newest"] = snapshot_store.newest(folder)
    return reported


def test_the_nights_entities_are_online_and_on_the_shelf(arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    assert materialize.materialize("taxi", NIGHT) == 60
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT).set_index("entity")
    online = feature_store.online(settings, build.service(StepContext(case=taxi, settings=settings)), list(rows.index))
    names = list(taxi.feature_names)
    pd.testing.assert_frame_equal(online[names], rows[names].astype({"zone": object}), check_exact=True)
    served = materialize.open_snapshot_store(StepContext(case=taxi, settings=settings)).snapshot
    assert served.facts == {
        "use_case": "taxi",
        "night": NIGHT,
        "cutoff": "2024-03-16T21:30:00+00:00",
        "feature_service": build.service(StepContext(case=taxi, settings=settings)).name,
        "feature_definitions": build.service(StepContext(case=taxi, settings=settings)).digests,
        "features_version": 1,
        "tables": {"features/entities": 1},
        "shown_features": [*taxi.names_at(taxi.horizon)],
    }
    assert served.lookup(rows.index[0]) == rows.iloc[0][names].to_dict()


def test_a_snapshot_says_which_values_a_server_may_show(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(arrive)
    personal = {
        "bookings": (Personal(column="kilometres", may_reach=("features", "logs"), why="priced"),),
        "traffic": (Personal(column="congestion", may_reach=("features",), why="measured"),),
    }
    tables = tuple(replace(each, personal=personal.get(each.name, each.personal)) for each in taxi.tables)
    case, by_name = replace(taxi, tables=tables), usecases.get
    monkeypatch.setattr(usecases, "get", lambda name: case if name == "taxi" else by_name(name))
    materialize.materialize("taxi", NIGHT)
    served = materialize.open_snapshot_store(StepContext.load("taxi")).snapshot
    hidden = {"kilometres", "congestion"}
    assert snapshots.shown_features(served) == set(taxi.names_at(taxi.horizon)) - hidden
    assert hidden < set(served.names)


def test_without_an_online_store_a_night_goes_to_the_snapshot_and_nobody_opens_feast(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RATCHET_ONLINE_STORE_URL")
    settings = deployed(arrive)
    monkeypatch.setattr(feature_store.registry, "open_store", pytest.fail)
    assert materialize.materialize("taxi", NIGHT) == 60
    served = materialize.open_snapshot_store(StepContext(case=taxi, settings=settings))
    assert served.snapshot.facts["night"] == NIGHT
    assert not (settings.feature_store / "taxi" / "online.db").exists()


def test_a_window_reaches_back_for_rows_that_came_late(arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    there = {
        day: len(
            feature_store.online(
                settings, build.service(StepContext(case=taxi, settings=settings)), [f"2024-03-{day}|0"]
            )
        )
        for day in (14, 15)
    }
    assert there == {14: 0, 15: 1}


def test_materialized_twice_is_materialized_once(arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    left = held(taxi, settings)
    materialize.materialize("taxi", NIGHT)
    assert held(taxi, settings) == left


def test_an_older_night_materialized_again_takes_nothing_back(arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    materialize.materialize("taxi", LAST)
    served = materialize.open_snapshot_store(StepContext(case=taxi, settings=settings)).snapshot
    assert served.facts["night"] == NIGHT
    assert (
        len(feature_store.online(settings, build.service(StepContext(case=taxi, settings=settings)), [f"{NIGHT}|0"]))
        == 1
    )


WRITES = [(feature_store, "materialize"), (snapshot_store, "put"), (snapshot_store.atomic, "write")]


def test_killed_after_any_of_its_writes_and_run_again_it_leaves_the_same(arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    with killed_after(0, WRITES) as writes:
        materialize.materialize("taxi", NIGHT)
    expected = held(taxi, settings)
    assert [name.rpartition(".")[2] for name in writes[-2:]] == ["materialize", "materialize"]
    for number, name in enumerate(writes, start=1):
        settings = deployed(arrive)
        with killed_after(number, WRITES), pytest.raises(Killed):
            materialize.materialize("taxi", NIGHT)
        materialize.materialize("taxi", NIGHT)
        assert held(taxi, settings) == expected, f"killed after write {number}, {name}"


def test_what_was_never_deployed_is_not_materialized(arrive: Arrive) -> None:
    arrive("ingest the next night")
    with pytest.raises(SetupError, match="ratchet features apply"):
        materialize.materialize("taxi", NIGHT)


@pytest.mark.parametrize("away", ["deleted", "locked", "no database"])
def test_the_snapshot_answers_while_the_online_store_is_away(arrive: Arrive, taxi: UseCase, away: str) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    running = materialize.open_snapshot_store(StepContext(case=taxi, settings=settings))
    running.refresh()
    online = settings.feature_store / "taxi" / "online.db"
    if away == "deleted":
        online.unlink()
        (settings.feature_store / "taxi" / "registry.db").unlink()
    elif away == "no database":
        online.write_bytes(b"not a database" * 100)
    else:
        online.unlink()
        online.mkdir()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever Feast says
        assert (
            len(
                feature_store.online(settings, build.service(StepContext(case=taxi, settings=settings)), [f"{NIGHT}|0"])
            )
            == 1
        )
    for served in (running, materialize.open_snapshot_store(StepContext(case=taxi, settings=settings))):
        assert (served.snapshot.lookup(f"{NIGHT}|0") or {})["zone"] in ("north", "south", "harbour")


def test_without_an_online_store_the_night_can_still_be_served(arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", LAST)
    (settings.feature_store / "taxi" / "online.db").unlink()
    (settings.feature_store / "taxi" / "online.db").mkdir()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever Feast says
        materialize.materialize("taxi", NIGHT)
    assert materialize.open_snapshot_store(StepContext(case=taxi, settings=settings)).snapshot.facts["night"] == NIGHT


def test_a_member_who_comes_back_every_month_is_online_as_of_the_last(home: Settings, gym: UseCase) -> None:
    months = gym.demo.history
    ingest.ingest("gym", months)
    build.build("gym", months)
    materialize.apply("gym")
    materialize.materialize("gym", "2023-12-01")
    rows = build.read(home.lake, gym, "2023-12-01", "2023-12-01").set_index("entity").sort_index()
    online = feature_store.online(home, build.service(StepContext(case=gym, settings=home)), list(rows.index))
    assert online["visits"].tolist() == rows["visits"].tolist()
    assert set(online["cutoff"]) == {pd.Timestamp(gym.schedule.cutoff(pd.Timestamp("2023-12-01").date()))}


def test_a_package_pins_the_feature_service_that_it_was_trained_with(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("acceptance tests")
    [digest] = [path.name for path in settings.packages.glob("[!.]*")]
    facts = package_files.facts(packages.get(settings.packages, digest, settings.trusted_keys))
    assert facts["feature_service"] == build.service(StepContext(case=taxi, settings=settings)).name
