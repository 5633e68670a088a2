"""Between two nights the live shelf has what is known by now, and at each entity's cutoff just what training will read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli.main import app
from include.settings import Settings
from include.steps import ingest
from include.steps.context import StepContext
from include.steps.features import build, snapshot_archive
from include.steps.ingest import intraday
from include.stores import lake, snapshot_store, warehouse
from include.stores.files import locations
from ml.errors import RequestError
from ml.features.snapshots import FeatureSnapshot
from ml.usecase import UseCase
from tests.include.steps.conftest import NIGHT

NOON, EVENING = datetime(2024, 3, 17, 12, 15, tzinfo=UTC), datetime(2024, 3, 17, 21, 15, tzinfo=UTC)


@pytest.fixture
def settings(arrive: Callable[[str], Settings]) -> Settings:
    """A home in which the night has features, and the next one has not come."""
    return arrive("score")


def served(case: UseCase, settings: Settings) -> FeatureSnapshot:
    return snapshot_store.SnapshotCache(
        snapshot_archive.folder(StepContext(case=case.at("live"), settings=settings))
    ).snapshot


def frame(result: FeatureSnapshot) -> pd.DataFrame:
    return pd.DataFrame({entity: result.lookup(entity) for entity in result.row_index}).T.sort_index()


def test_once_every_cutoff_has_passed_the_shelf_has_what_training_reads_the_next_night(
    settings: Settings, taxi: UseCase
) -> None:
    assert intraday.refresh("taxi", EVENING) == 60
    live = frame(served(taxi, settings))
    for step in (ingest.ingest, build.build):
        step("taxi", "2024-03-18")
    read = build.read(settings.lake, taxi, NIGHT, NIGHT, horizon=taxi.lives[0]).set_index("entity").sort_index()
    pd.testing.assert_frame_equal(live, read[live.columns].astype(object), check_exact=True, check_names=False)


def test_an_entity_keeps_what_it_had_at_its_cutoff_and_the_others_learn_more(settings: Settings, taxi: UseCase) -> None:
    intraday.refresh("taxi", NOON)
    before = frame(served(taxi, settings))
    intraday.refresh("taxi", EVENING)
    after = frame(served(taxi, settings))
    entities = lake.read(lake.address(settings.lake, "taxi", "valid", taxi.entities), NIGHT, NIGHT).set_index("entity")
    passed = (entities["pickup_at"] - timedelta(hours=2) <= NOON).reindex(before.index)
    same = ((before == after) | (before.isna() & after.isna())).all(axis=1)
    assert same[passed].all()
    assert not same[~passed].all()
    assert passed.nunique() == 2


def test_the_snapshot_says_as_of_when_and_what_its_features_mean(settings: Settings, taxi: UseCase) -> None:
    intraday.refresh("taxi", NOON)
    facts = served(taxi, settings).facts
    assert (facts["night"], facts["as_of"]) == (NIGHT, NOON.isoformat())
    assert facts["feature_service"] == build.service(StepContext(case=taxi, settings=settings), taxi.lives[0]).name


def test_a_moment_again_is_the_same_and_an_earlier_one_takes_nothing_back(settings: Settings, taxi: UseCase) -> None:
    folder = snapshot_archive.folder(StepContext(case=taxi.at("live"), settings=settings))
    intraday.refresh("taxi", NOON)
    noon = snapshot_store.newest(folder)
    intraday.refresh("taxi", NOON)
    assert snapshot_store.newest(folder) == noon
    intraday.refresh("taxi", EVENING)
    evening = snapshot_store.newest(folder)
    intraday.refresh("taxi", NOON)
    assert snapshot_store.newest(folder) == evening != noon


def test_what_the_night_shows_readers_is_not_touched(settings: Settings, taxi: UseCase) -> None:
    tables = ("valid/rides", "valid/traffic", "features/entities", "features/live", "quarantine/rides")
    before = {name: lake.version(lake.address(settings.lake, "taxi", *name.split("/"))) for name in tables}
    intraday.refresh("taxi", NOON)
    assert {name: lake.version(lake.address(settings.lake, "taxi", *name.split("/"))) for name in tables} == before


def test_rows_that_break_the_contract_are_left_out_and_told(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    has = usecases.has_module
    intraday.refresh("taxi", NOON)
    place = locations.from_address(settings.landing).child("taxi").child(intraday.STAGE).child("2024-03-18")
    monkeypatch.setattr(usecases, "has_module", lambda name, part: part != "source" and has(name, part))
    rides = (settings.home / "landing/taxi/intraday/2024-03-18/rides.csv").read_text().splitlines()
    place.put("rides.csv", "\n".join([*rides[:-1], rides[-1].replace("2024-03-17", "yesterday", 1)]).encode())
    assert intraday.refresh("taxi", NOON) == 60
    engine = warehouse.engine(settings.warehouse_url)
    (alert,) = (each for each in warehouse.alerts(engine, "taxi") if each.kind == intraday.STAGE)
    assert alert.message.startswith(f"1 of {len(rides) - 1} rows of rides since the night {NIGHT} break their contract")


def test_without_a_live_horizon_there_is_nothing_to_refresh(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, horizons=(taxi.schedule,)))
    with pytest.raises(RequestError, match="taxi has no live horizon"):
        intraday.refresh("taxi", NOON)


def test_a_person_types_it(settings: Settings) -> None:
    done = CliRunner().invoke(app, ["intraday", "taxi", "2024-03-17T12:15:00"])
    assert done.exit_code == 0, done.output
    assert "60 entities as of 2024-03-17 12:15:00" in done.output
