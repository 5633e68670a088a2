"""A label is recorded under its entity's night, whichever of the two came first."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.stores import lake, landing, warehouse
from include.stores.warehouse import tables
from ml.usecase import UseCase


def recorded(settings: Settings) -> set[tuple[str, str]]:
    """Return each label's entity and night."""
    query = sa.select(tables.labels.c.entity, tables.labels.c.night)
    with warehouse.engine(settings.warehouse_url).connect() as connection:
        return {(str(entity), str(night)) for entity, night in connection.execute(query)}


def land(settings: Settings, gym: UseCase, night: str) -> Path:
    """Let a night's files land and return their folder."""
    folder = Path(str(landing.period_location(settings.landing, "gym", gym.schedule.parse(night))))
    usecases.module("gym", "source").land(folder, gym.schedule.parse(night), settings.data)
    return folder


def test_a_label_that_names_no_night_belongs_to_that_of_its_entity(home: Settings, gym: UseCase) -> None:
    ingest.ingest("gym", "2023-01-01..2023-04-01")
    result = {(entity[1:7], night) for entity, night in recorded(home)}
    assert result == {("202301", "2023-01-01"), ("202302", "2023-02-01"), ("202303", "2023-03-01")}


def test_a_label_whose_entity_never_came_rests_in_the_lake(home: Settings, gym: UseCase) -> None:
    ingest.ingest("gym", "2023-01-01")
    assert len(lake.read(lake.address(home.lake, "gym", "valid", "renewals"))) == 120
    assert recorded(home) == set()


def test_an_entity_that_comes_after_its_label_finds_it(home: Settings, gym: UseCase) -> None:
    members = land(home, gym, "2023-01-01") / "members.csv"
    whole = members.read_text()
    members.write_text(whole.replace("m202301007,2023-01-01,", "m202301007,someday,"))
    for night in ("2023-01-01", "2023-02-01"):
        ingest.ingest("gym", night)
    assert ("m202301007", "2023-01-01") not in recorded(home)
    assert len(recorded(home)) == 119
    members.write_text(whole)
    ingest.ingest("gym", "2023-01-01")
    assert ("m202301007", "2023-01-01") in recorded(home)
    assert len(recorded(home)) == 120


@pytest.mark.parametrize("again", ["2023-01-01", "2023-02-01"])
def test_recording_again_changes_nothing(home: Settings, gym: UseCase, again: str) -> None:
    for night in ("2023-01-01", "2023-02-01"):
        ingest.ingest("gym", night)
    before = recorded(home)
    ingest.ingest("gym", again)
    assert recorded(home) == before


def test_months_of_labels_in_one_file_find_their_nights_as_they_would_have_apart(home: Settings, gym: UseCase) -> None:
    first, last = (land(home, gym, night) / "renewals.csv" for night in ("2023-02-01", "2023-04-01"))
    header, *early = first.read_text().splitlines(keepends=True)
    first.write_text(header)
    last.write_text(last.read_text() + "".join(early))
    for night in ("2023-01-01", "2023-02-01", "2023-03-01"):
        ingest.ingest("gym", night)
    assert recorded(home) == set()
    ingest.ingest("gym", "2023-04-01")
    nights = [night for _, night in recorded(home)]
    assert {night: nights.count(night) for night in sorted(set(nights))} == {
        "2023-01-01": 120,
        "2023-02-01": 120,
        "2023-03-01": 120,
    }
