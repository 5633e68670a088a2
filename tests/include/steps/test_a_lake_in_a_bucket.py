"""The whole way of a night with its tables in a real S3 server's bucket: landed, scored, served, vacuumed."""

import pytest

from include import settings as places
from include.settings import Settings
from include.steps import features, ingest, materialize, parity, versions
from include.stores import lake
from ml.usecase import UseCase

FIRST, SECOND = "2024-03-02", "2024-03-03"


@pytest.mark.servers
def test_nights_are_built_served_compared_and_vacuumed_in_a_bucket(
    home: Settings, taxi: UseCase, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_LAKE", f"{bucket}/lake")
    places.load.cache_clear()
    where = places.load()
    for night in (FIRST, SECOND, SECOND):
        ingest.ingest("taxi", night)
        features.build("taxi", night)
    materialize.apply("taxi")
    assert materialize.materialize("taxi", SECOND) == 60
    assert parity.check("taxi", SECOND) == 0
    table = features.address(where.lake, taxi)
    assert lake.version(table) == 2
    first = lake.read(table, at_version=0)
    versions.vacuum("taxi", keep_nights=0)
    assert lake.read(table, at_version=0).equals(first)
    assert not (home.home / "lake").exists()
