"""A night of the toy use case on its way in: where its files land, in a folder or in a bucket."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from include import settings as places
from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.stores import lake, landing, warehouse
from include.stores.landing import Bucket, Place
from include.stores.landing import places as landing_places
from include.stores.warehouse import Alert, File
from ml import nights
from tests.include.steps.conftest import NIGHT


@dataclass(frozen=True, kw_only=True)
class Night:
    """The place where the night's files are, and what ingesting them left."""

    where: Settings
    place: Place

    def take(self) -> dict[str, int]:
        """Ingest the night."""
        return ingest.ingest("taxi", NIGHT)

    def remove(self, name: str) -> None:
        """Take a file away again."""
        if isinstance(self.place, Bucket):
            landing_places.client().delete_object(Bucket=self.place.bucket, Key=f"{self.place.prefix}/{name}")
        else:
            (Path(str(self.place)) / name).unlink()

    def stage(self, stage: str, table: str) -> pd.DataFrame:
        """Return the night's rows of a table in the stage `valid` or `quarantine`."""
        return lake.read(lake.address(self.where.lake, "taxi", stage, table), NIGHT, NIGHT)

    def alerts(self) -> list[Alert]:
        """Return what is told of the night."""
        engine = warehouse.engine(self.where.warehouse_url)
        return list(warehouse.alerts(engine, "taxi", nights.parse(NIGHT).first, nights.parse(NIGHT).last))

    def files(self) -> dict[str, File]:
        """Return the night's files by name."""
        engine = warehouse.engine(self.where.warehouse_url)
        return {each.name: each for each in warehouse.files(engine, "taxi", NIGHT)}


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.servers)])
def night(
    request: pytest.FixtureRequest,
    arrive: Callable[[str], Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Night:
    """The night after the history, its files landed in a folder or a bucket, not ingested yet."""
    if request.param == "bucket":
        monkeypatch.setenv("RATCHET_LANDING", request.getfixturevalue("bucket"))
    where = arrive("ingest a night")
    place = landing.place(where.landing, "taxi", nights.parse(NIGHT))
    usecases.module("taxi", "source").land(tmp_path / "drawn", nights.parse(NIGHT), places.load().data)
    for path in (tmp_path / "drawn").iterdir():
        place.put(path.name, path.read_bytes())
    monkeypatch.setattr(usecases, "has", lambda *_: False)
    return Night(where=where, place=place)
