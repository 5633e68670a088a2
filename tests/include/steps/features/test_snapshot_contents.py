"""A snapshot is a function of what its manifest pins: declarations, moment and table versions."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import snapshot_contents
from include.steps.ingest import intraday
from include.stores import lake
from ml.features import snapshots
from ml.features.snapshots import PackedSnapshot
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import NIGHT

NOON, EVENING = datetime(2024, 3, 17, 12, 15, tzinfo=UTC), datetime(2024, 3, 17, 21, 15, tzinfo=UTC)


@pytest.fixture
def settings(arrive: Callable[[str], Settings]) -> Settings:
    """A home in which the night has features, and rows that became known until the evening have come."""
    settings = arrive("score")
    intraday.refresh("taxi", EVENING)
    return settings


def at(case: UseCase, settings: Settings, night: str = NIGHT) -> NightContext:
    return StepContext(case=case, settings=settings).at(date.fromisoformat(night))


def pins(packed: PackedSnapshot | None) -> dict[str, int]:
    assert packed is not None
    return snapshots.tables(snapshots.load(packed.files, packed.digest))


def test_a_live_snapshot_pins_every_table_that_it_read_and_its_moment(settings: Settings, taxi: UseCase) -> None:
    packed = snapshot_contents.of_moment(at(taxi.at("live"), settings), NOON)
    assert packed is not None
    read = {f"{stage}/{table.name}" for table in taxi.tables for stage in ("valid", "intraday")}
    assert {"valid/rides", "intraday/rides"} <= pins(packed).keys() <= read
    assert snapshots.manifest_facts(packed.manifest)["as_of"] == NOON.isoformat()


def test_the_same_moment_and_versions_are_the_same_snapshot_after_every_table_changed(
    settings: Settings, taxi: UseCase
) -> None:
    live = at(taxi.at("live"), settings)
    before = snapshot_contents.of_moment(live, NOON)
    for name in (name for name, version in pins(before).items() if version != lake.ABSENT):
        address = lake.address(settings.lake, "taxi", *name.split("/"))
        rows = lake.read(address)
        lake.replace(address, periods.parse(f"{rows['night'].min()}..{rows['night'].max()}"), rows.tail(1))
    after = snapshot_contents.of_moment(live, NOON)
    assert after is None or after.files != (before and before.files)
    assert snapshot_contents.of_moment(live, NOON, pins(before)) == before


def test_another_moment_is_another_snapshot(settings: Settings, taxi: UseCase) -> None:
    live = at(taxi.at("live"), settings)
    noon, evening = (snapshot_contents.of_moment(live, each) for each in (NOON, EVENING))
    assert noon
    assert evening
    assert not snapshots.has_same_values(noon.manifest, evening.manifest)


def test_the_nights_snapshot_pins_its_feature_table(settings: Settings, taxi: UseCase) -> None:
    packed = snapshot_contents.of_night(at(taxi, settings))
    version = lake.version(lake.address(settings.lake, "taxi", "features", "entities"))
    assert pins(packed) == {"features/entities": version}


def test_a_night_without_entities_has_no_snapshot(settings: Settings, taxi: UseCase) -> None:
    assert snapshot_contents.of_night(at(taxi, settings, "2024-05-01")) is None
    assert snapshot_contents.of_moment(at(taxi.at("live"), settings, "2024-05-01"), NOON) is None
