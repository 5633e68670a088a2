"""Fixtures: a prepared RATCHET_HOME, the toy use cases, and real S3 and Postgres servers."""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa

from include import provenance, usecases
from include.settings import Settings, load_settings
from include.stores import approvals, registry, warehouse
from include.stores.files import locations
from include.stores.signing import dsse
from ml.usecase import UseCase
from tests import postgres as postgres_server
from tests import released as released_home
from tests import s3
from tests.faults import Faults, run_proxy
from tests.made_once import Once, maker

hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")

TOYS = Path(__file__).parent / "usecases"
_DURATIONS = Path(__file__).with_name("durations.json")  # CPU seconds of the slow files; others count as 0
_MLFLOW_STORES = {f"mlflow.store.{each}.sqlalchemy_store" for each in ("tracking", "model_registry")}
_OF_THE_RUN = {"RATCHET_COMMIT": provenance.commit, "RATCHET_CODE": provenance.code_version}


def pytest_configure() -> None:
    """Keep commit and code of the run's beginning, for all its processes: somebody may commit while tests run."""
    for variable, read in _OF_THE_RUN.items():
        os.environ[variable] = os.environ.get(variable) or read()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow files first, so that no worker starts one when the others have nothing left to do."""
    seconds: dict[str, float] = json.loads(_DURATIONS.read_text())
    items.sort(key=lambda each: -seconds.get(each.nodeid.split("::")[0], 0))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """A function that returns a folder by name, which one process of this test run fills for all."""
    return maker(tmp_path_factory)


@pytest.fixture(scope="session")
def prepared_home(once: Once) -> Path:
    """A home with empty databases and with keys; tests copy it, because creating one takes seconds."""
    return once("prepared", _prepare)


@pytest.fixture(autouse=True)
def closed_registries() -> Iterator[None]:
    """After each test, close MLflow's connections: it keeps some for each database, and each home has its own."""
    yield
    for store in _MLFLOW_STORES & sys.modules.keys():
        engines: dict[str, sa.Engine] = sys.modules[store].SqlAlchemyStore._engine_map
        for engine in engines.values():
            engine.dispose()
        engines.clear()


def _prepare(home: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        settings = load_settings()
        warehouse.migrate(settings.warehouse_url)
        registry.prepare(settings)
        settings.secrets.mkdir(parents=True)
        (settings.secrets / approvals.KEY_FILE).write_text("k" * approvals.MIN_KEY_BYTES)
        for signer in dsse.SIGNERS:
            (settings.secrets / signer.key_file).write_text(dsse.new_key())
            dsse.add_trusted_key(signer, settings)
    load_settings.cache_clear()


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of this process, with a home for this test only, ready for steps."""
    shutil.copytree(prepared_home, tmp_path / "home")
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield load_settings()
    load_settings.cache_clear()


@pytest.fixture
def online_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are loaded from now on have Feast's online store, in SQLite; by default there is none."""
    monkeypatch.setenv("RATCHET_ONLINE_STORE_URL", "sqlite")


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the toy use cases available, in addition to the real ones."""
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
    usecases.all.cache_clear()
    yield
    usecases.all.cache_clear()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    """A real S3 server for this test session."""
    with s3.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A real Postgres server for this test session."""
    with postgres_server.running() as server:
        yield server


@pytest.fixture
def bucket(s3_server: s3.Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty prefix in a bucket of a real S3 server; the environment has its endpoint and keys."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    locations.s3_client.cache_clear()
    return f"s3://{s3.BUCKET}/{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def fault_proxy(s3_server: s3.Server) -> Iterator[Faults]:
    """A proxy in front of the S3 server, one for all tests: Polars asks an address that it has used before again."""
    with run_proxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def faults(fault_proxy: Faults, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """The proxy, which injects the faults that a test asks for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", fault_proxy.url)
    locations.s3_client.cache_clear()
    yield fault_proxy
    fault_proxy.clear()
    locations.s3_client.cache_clear()


@pytest.fixture
def taxi(toys: None) -> UseCase:
    """The toy with daily nights, window features and lookups."""
    return usecases.get("taxi")


@pytest.fixture
def released(
    prepared_home: Path, once: Once, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A home for this test only, in which `taxi` has a champion at each horizon (`tests.released`)."""
    made = once("released", lambda folder: released_home.make(prepared_home, folder))
    shutil.copytree(made, tmp_path / "home")
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield load_settings()
    load_settings.cache_clear()


@pytest.fixture
def gym(toys: None) -> UseCase:
    """The toy with monthly nights and without lookups; its labels arrive later and have no night column."""
    return usecases.get("gym")


@pytest.fixture
def ferry(toys: None) -> UseCase:
    """The toy with a regression target."""
    return usecases.get("ferry")
