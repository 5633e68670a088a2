"""Fixtures that ingest a night of a toy from files of a test, and that create variants of the toys."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.stores import lake, landing, warehouse
from include.stores.warehouse import Alert, FileRevision
from ml.usecase import UseCase
from tests.conftest import TOYS
from tests.include.steps.conftest import without_a_source

NIGHT, MONTH = "2024-03-17", "2024-01-01"
BOOKINGS = b"ride_date,ride,zone,pickup_at,kilometres\n2024-03-17,1,north,2024-03-16T23:00:00Z,3\n"
TRAFFIC = b"zone,measured_at,congestion\nnorth,2024-03-16T10:00:00Z,0.5\n"
RENEWALS = b"member,renewed,decided_at\n"


@dataclass(frozen=True, kw_only=True)
class ToyNight:
    """One night of a toy: ingest files of a test, and read the result."""

    settings: Settings
    case: UseCase
    night: str
    default_files: dict[str, bytes]

    def ingest(self, **files: bytes) -> dict[str, int]:
        """Ingest the night from the default files and from `files`, named by table and extension (`rides_csv`)."""
        location = landing.period_location(self.settings.landing, self.case.name, self.case.schedule.parse(self.night))
        landed = {name.replace("_", "."): content for name, content in files.items()}
        for name, content in (self.default_files | landed).items():
            location.put(name, content)
        return ingest.ingest(self.case.name, self.night)

    def valid(self, table: str) -> pd.DataFrame:
        """Return the night's valid rows of a table."""
        return self._stage("valid", table)

    def reasons(self, table: str) -> list[str]:
        """Return the reasons of a table's quarantined rows, in the order of their lines."""
        quarantined = self._stage("quarantine", table)
        return list(quarantined.sort_values("line")["reasons"]) if len(quarantined) else []

    def files(self) -> dict[str, FileRevision]:
        """Return the night's files by name."""
        engine = warehouse.engine(self.settings.warehouse_url)
        return {each.name: each for each in warehouse.files(engine, self.case.name, self.night)}

    def alerts(self) -> list[Alert]:
        """Return the night's alerts."""
        engine, night = warehouse.engine(self.settings.warehouse_url), self.case.schedule.parse(self.night)
        return list(warehouse.alerts(engine, self.case.name, night.first, night.last))

    def _stage(self, stage: str, table: str) -> pd.DataFrame:
        return lake.read(lake.address(self.settings.lake, self.case.name, stage, table), self.night, self.night)


@pytest.fixture
def rides(home: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> ToyNight:
    """A night of the taxi toy, with default files for bookings and traffic."""
    without_a_source(monkeypatch)
    default_files = {"bookings.csv": BOOKINGS, "traffic.csv": TRAFFIC}
    return ToyNight(settings=home, case=taxi, night=NIGHT, default_files=default_files)


@pytest.fixture
def members(home: Settings, gym: UseCase, monkeypatch: pytest.MonkeyPatch) -> ToyNight:
    """A month of the gym toy, with an empty default file for renewals."""
    without_a_source(monkeypatch)
    return ToyNight(settings=home, case=gym, night=MONTH, default_files={"renewals.csv": RENEWALS})


Variant = Callable[..., UseCase]


@pytest.fixture
def variant(toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Variant]:
    """A function that copies a toy under another name, with replaced texts in its modules and additional modules.

    A second call with the same name changes the use case.
    """
    extra = tmp_path / "variants"
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(extra)])

    def make(toy: str, name: str, changes: dict[str, dict[str, str]], **parts: str) -> UseCase:
        folder = extra / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        forget(f"{usecases.__name__}.{name}")
        for path in (TOYS / toy).glob("*.py"):
            text = path.read_text().replace(f'name="{toy}"', f'name="{name}"')
            text = text.replace(f"usecases.{toy}.", f"usecases.{name}.")
            for old, new in changes.get(path.stem, {}).items():
                assert old in text
                text = text.replace(old, new)
            (folder / path.name).write_text(text)
        for part, text in parts.items():
            (folder / f"{part}.py").write_text(text)
        importlib.invalidate_caches()
        usecases.all.cache_clear()
        return usecases.get(name)

    yield make
    forget(*(f"{usecases.__name__}.{path.name}" for path in extra.glob("*")))


def forget(*packages: str) -> None:
    """Remove the modules of use cases that were imported."""
    usecases.all.cache_clear()
    for module in [each for each in sys.modules if each.startswith(packages)]:
        del sys.modules[module]
    importlib.invalidate_caches()
