"""A house that has lived is moved: from folders to servers and back, stopped anywhere, refused where it must be."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from include import houses
from include import settings as places
from include.houses import House
from include.settings import Settings
from include.steps import features, ingest, moving, versions
from include.stores import approvals, envelopes, lake, ledger, packages, registry, trees, warehouse
from include.stores.registry import copies
from ml.errors import DataError, LedgerError, RequestError, SetupError
from tests.include.steps.conftest import NIGHT, contents

Arrive = Callable[[str], Settings]
LIVED = "ingest the next night"


def house(folder: Path, **more: str) -> House:
    """Return a house in `folder`, with other addresses where told."""
    variables = {"RATCHET_HOME": str(folder), **{f"RATCHET_{name.upper()}": value for name, value in more.items()}}
    return House(settings=places.read(variables), variables=variables)


def moved(source: House, target: House, **more: bool) -> None:
    """Move and require that both ends are equal."""
    move = moving.of(source, target, **more)
    for _ in move.bring():
        pass
    assert [each.part.name for each in move.verify() if not each.is_equal] == []


def left(move: moving.Move) -> dict[str, str]:
    return {each.part.name: each.there.digest for each in move.verify()}


@pytest.fixture
def lived(arrive: Arrive) -> House:
    """A house with a history, a champion, scores, labels and reports."""
    return house(arrive(LIVED).home)


@pytest.fixture(params=["folders", pytest.param("servers", marks=pytest.mark.servers)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A house in which nothing is: in folders and SQLite, or on a real Postgres and a real S3."""
    folder = tmp_path / "new"
    if request.param == "folders":
        return house(folder)
    bucket, postgres = request.getfixturevalue("bucket"), request.getfixturevalue("postgres")
    return house(
        folder,
        lake=f"{bucket}/lake",
        landing=f"{bucket}/landing",
        warehouse_url=postgres.database(),
        mlflow_url=postgres.database(),
    )


def test_a_house_is_moved_and_moved_back_and_is_the_same(lived: House, empty: House, tmp_path: Path) -> None:
    before = contents(lived.settings)
    moved(lived, empty)
    assert contents(lived.settings) == before
    back = house(tmp_path / "back")
    moved(empty, back)
    assert contents(back.settings) == before
