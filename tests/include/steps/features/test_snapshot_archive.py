"""What an answer was computed from can be built again to the last bit, whatever was written to the tables since."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from typer.testing import CliRunner

from include.cli.main import app
from include.settings import Settings
from include.steps import ingest, prune
from include.steps.context import StepContext
from include.steps.features import build, materialize, snapshot_archive, table_versions
from include.steps.ingest import intraday
from include.stores import lake, snapshot_store, warehouse
from include.stores.warehouse import SnapshotRecord
from ml.errors import DataError, FeatureError, RequestError
from ml.features import snapshots
from ml.features.snapshots import FeatureSnapshot
from ml.usecase import UseCase
from tests.include.steps.conftest import NIGHT

Arrive = Callable[[str], Settings]
NOON, EVENING = datetime(2024, 3, 17, 12, 15, tzinfo=UTC), datetime(2024, 3, 17, 21, 15, tzinfo=UTC)


@pytest.fixture
def settings(arrive: Arrive) -> Settings:
    return arrive("score")


def newest(case: UseCase, settings: Settings) -> tuple[str, FeatureSnapshot]:
    """Return what a server has now: the snapshot's name in the log, and the snapshot."""
    root = snapshot_archive.folder(StepContext(case=case, settings=settings))
    reference = snapshot_store.newest(root)
    assert reference is not None
    return reference.folder, snapshot_store.read(root, reference)


def as_text(snapshot: FeatureSnapshot) -> str:
    """Return all values as JSON, which has every bit of a number."""
    return json.dumps({entity: snapshot.lookup(entity) for entity in snapshot.row_index})


def records(case: UseCase, settings: Settings) -> tuple[SnapshotRecord, ...]:
    return warehouse.snapshot_records(StepContext(case=case, settings=settings).engine, case.name)


def rewrite(settings: Settings, table: str, **columns: object) -> None:
    """Write other values to all rows of a table, as a correction would."""
    address = lake.address(settings.lake, "taxi", *table.split("/"))
    rows = lake.read(address)
    nights = sorted(set(rows["night"]))
    lake.replace(address, table_versions.periods.parse(f"{nights[0]}..{nights[-1]}"), rows.assign(**columns))


def test_a_live_snapshot_is_built_again_after_its_tables_changed_and_were_vacuumed(
    settings: Settings, taxi: UseCase
) -> None:
    live = taxi.at("live")
    intraday.refresh("taxi", NOON)
    name, served = newest(live, settings)
    intraday.refresh("taxi", EVENING)
    assert newest(live, settings)[0] != name
    for step in (ingest.ingest, build.build):
        step("taxi", "2024-03-18")
    rewrite(settings, "valid/rides", minutes_late=599.0)
    rewrite(settings, "intraday/rides", minutes_late=599.0)
    prune.prune("taxi", safety_hours=0)
    table_versions.vacuum("taxi", 0)
    rebuilt = snapshot_archive.rebuild("taxi-live", name)
    assert rebuilt.is_equal
    assert rebuilt.digest[:12] == name.rpartition(".")[2]
    assert as_text(rebuilt.snapshot) == as_text(served)


def test_a_snapshot_of_the_night_is_built_again_after_its_features_changed(settings: Settings, taxi: UseCase) -> None:
    materialize.apply("taxi")
    materialize.override("taxi", NIGHT, "tess", "the night before the first champion, for a test")
    materialize.materialize("taxi", NIGHT)
    name, served = newest(taxi, settings)
    rewrite(settings, "features/entities", kilometres=7.0)
    rebuilt = snapshot_archive.rebuild("taxi", name)
    assert rebuilt.is_equal
    assert as_text(rebuilt.snapshot) == as_text(served)
    assert snapshots.tables(served) == {"features/entities": served.facts["features_version"]}


def test_a_repeated_moment_is_one_record_and_one_snapshot(settings: Settings, taxi: UseCase) -> None:
    intraday.refresh("taxi", NOON)
    before = newest(taxi.at("live"), settings)[0], records(taxi.at("live"), settings)
    intraday.refresh("taxi", NOON)
    assert (newest(taxi.at("live"), settings)[0], records(taxi.at("live"), settings)) == before
    assert len(before[1]) == 1


def test_a_publication_killed_after_its_record_is_completed_by_the_next(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(snapshot_store, "put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            intraday.refresh("taxi", NOON)
    intraday.refresh("taxi", NOON)
    name, _ = newest(taxi.at("live"), settings)
    assert snapshot_archive.rebuild("taxi-live", name).is_equal


def test_a_version_that_was_removed_by_force_is_named(settings: Settings, taxi: UseCase) -> None:
    intraday.refresh("taxi", NOON)
    name, _ = newest(taxi.at("live"), settings)
    address = lake.address(settings.lake, "taxi", "intraday", "rides")
    rewrite(settings, "intraday/rides", minutes_late=599.0)
    lake.vacuum(address, set(), 0)
    with pytest.raises(DataError, match="rides"):
        snapshot_archive.rebuild("taxi-live", name)


def test_an_unknown_snapshot_and_other_declarations_are_refused(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    intraday.refresh("taxi", NOON)
    name, _ = newest(taxi.at("live"), settings)
    with pytest.raises(RequestError, match=f"such as {name}, got 'noon'"):
        snapshot_archive.rebuild("taxi-live", "noon")
    other = replace(taxi, features=taxi.features[:-1])
    monkeypatch.setattr("include.usecases.get", lambda _: other.at("live"))
    with pytest.raises(FeatureError, match="rebuild it with the release of that day"):
        snapshot_archive.rebuild("taxi-live", name)


def test_a_value_that_cannot_be_built_again_is_reported(settings: Settings, taxi: UseCase) -> None:
    live = taxi.at("live")
    intraday.refresh("taxi", NOON)
    name, served = newest(live, settings)
    packed = snapshots.pack(
        pd.DataFrame([{"entity": each, **(served.lookup(each) or {}), "kilometres": 1.0} for each in served.row_index]),
        {**served.facts},
    )
    night = table_versions.periods.parse(NIGHT).last
    engine = StepContext(case=live, settings=settings).engine
    warehouse.record_snapshot(engine, live.name, name, night=night, manifest=packed.manifest)
    assert not snapshot_archive.rebuild("taxi-live", name).is_equal
    done = CliRunner().invoke(app, ["features", "snapshot", "taxi-live", name])
    assert (done.exit_code, "NOT equal to what was served" in done.output) == (1, True)


def test_a_person_types_it_and_sees_the_features_of_an_entity(settings: Settings, taxi: UseCase) -> None:
    intraday.refresh("taxi", NOON)
    name, served = newest(taxi.at("live"), settings)
    entity = next(iter(served.row_index))
    done = CliRunner().invoke(app, ["features", "snapshot", "taxi-live", name, "--entity", entity])
    assert done.exit_code == 0, done.output
    assert f"{name}: 60 entities from intraday/" in done.output
    features = served.lookup(entity)
    assert features is not None
    for feature in snapshots.shown_features(served) & features.keys():
        assert f"{feature} = {features[feature]!r}" in done.output
    for feature in features.keys() - snapshots.shown_features(served):
        assert f"{feature} = (personal)" in done.output
