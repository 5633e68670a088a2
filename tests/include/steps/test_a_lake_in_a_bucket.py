"""The whole way of a night with its tables in a real S3 server's bucket and its rows in a real Postgres: landed, scored, served, vacuumed."""

import pytest

from include.settings import Settings, load_settings
from include.steps import ingest
from include.steps.features import build, materialize, parity, table_versions
from include.stores import lake, warehouse
from ml.usecase import UseCase
from tests.postgres import Server

FIRST, SECOND = "2024-03-02", "2024-03-03"


@pytest.mark.servers
def test_nights_are_built_served_compared_and_vacuumed_in_a_bucket(
    home: Settings, taxi: UseCase, bucket: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_LAKE", f"{bucket}/lake")
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL", postgres.database())
    load_settings.cache_clear()
    settings = load_settings()
    warehouse.migrate(settings.warehouse_url)
    for night in (FIRST, SECOND, SECOND):
        ingest.ingest("taxi", night)
        build.build("taxi", night)
    materialize.apply("taxi")
    assert materialize.materialize("taxi", SECOND) == 60
    assert parity.check("taxi", SECOND) == 0
    table = build.address(settings.lake, taxi)
    assert lake.version(table) == 2
    first = lake.read(table, at_version=0)
    table_versions.vacuum("taxi", keep_nights=0)
    assert lake.read(table, at_version=0).equals(first)
    assert not (home.home / "lake").exists()
    warehouse.engine(settings.warehouse_url).dispose()
