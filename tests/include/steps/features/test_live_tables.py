"""Live features see the night's rows and those that became known since, up to a moment and no later."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from include.settings import Settings
from include.steps.features.live_tables import INTRADAY, REQUESTED_AT, LiveTables
from include.steps.ingest import intraday
from include.stores import lake
from ml.ingestion.availability import KNOWN_AT
from ml.usecase import UseCase
from tests.include.steps.conftest import NIGHT

NOON, EVENING = datetime(2024, 3, 17, 12, 15, tzinfo=UTC), datetime(2024, 3, 17, 21, 15, tzinfo=UTC)


@pytest.fixture
def settings(arrive: Callable[[str], Settings]) -> Settings:
    """A home with the rows that became known until the evening."""
    settings = arrive("score")
    intraday.refresh("taxi", EVENING)
    return settings


def tables(case: UseCase, settings: Settings, moment: datetime, versions: dict[str, int] | None = None) -> LiveTables:
    return LiveTables(case, case.lives[0], date.fromisoformat(NIGHT), moment, settings, versions)


def test_rows_since_the_night_are_added_up_to_the_moment(settings: Settings, taxi: UseCase) -> None:
    since = lake.read(lake.address(settings.lake, "taxi", INTRADAY, "rides"))
    night = lake.read(lake.address(settings.lake, "taxi", "valid", "rides"), last=NIGHT)
    for moment in (NOON, EVENING):
        rows = tables(taxi, settings, moment).read("valid", "rides")
        assert len(rows) == len(night) + (since[KNOWN_AT] <= moment).sum()
        assert rows[KNOWN_AT].max() <= moment
    assert 0 < (since[KNOWN_AT] <= NOON).sum() < len(since)


def test_an_entity_is_as_of_its_cutoff_or_as_of_the_moment_if_that_is_earlier(
    settings: Settings, taxi: UseCase
) -> None:
    live = tables(taxi, settings, NOON)
    rows = live.read("valid", taxi.entities, NIGHT, NIGHT)
    cutoffs = rows["pickup_at"] - timedelta(hours=2)
    assert rows[REQUESTED_AT].tolist() == [min(each, pd.Timestamp(NOON)) for each in cutoffs]
    assert live.cutoffs().to_dict() == dict(zip(rows["entity"], cutoffs, strict=True))


def test_pinned_versions_are_read_whatever_was_written_since(settings: Settings, taxi: UseCase) -> None:
    first = tables(taxi, settings, NOON)
    before = first.read("valid", "rides")
    intraday.refresh("taxi", EVENING)
    assert lake.version(lake.address(settings.lake, "taxi", INTRADAY, "rides")) > first.versions["intraday/rides"]
    again = tables(taxi, settings, NOON, first.versions)
    pd.testing.assert_frame_equal(again.read("valid", "rides"), before)
    assert again.versions == first.versions
