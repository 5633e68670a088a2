"""A home for steps to write into, and the toy use cases beside the real ones."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from include import usecases
from include.settings import Settings, load_settings
from include.stores import approvals, registry, warehouse
from include.stores.files import locations
from include.stores.signing import dsse
from ml.usecase import UseCase
from tests import postgres as postgres_server
from tests import s3
from tests.faults import Faults, between
from tests.made_once import Once, maker

hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")

TOYS = Path(__file__).parent / "usecases"


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """A function that returns a folder by name, which one process of this test run fills for all."""
    return maker(tmp_path_factory)


@pytest.fixture(scope="session")
def prepared_home(once: Once) -> Path:
    """A home with empty databases and keys, to be copied: making one takes seconds."""
    return once("prepared", _prepare)


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
    """The settings of this process, whose home is the test's own folder, ready for steps."""
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
    """The toy use cases can be found as if their folders lay beside the others."""
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(TOYS)])
    usecases.all.cache_clear()
    yield
    usecases.all.cache_clear()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    """A real S3 server of this test session."""
    with s3.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A real Postgres of this test session."""
    with postgres_server.running() as server:
        yield server


@pytest.fixture
def bucket(s3_server: s3.Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty prefix in the bucket of a real S3 server, which this process finds by its environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    locations.s3_client.cache_clear()
    return f"s3://{s3.BUCKET}/{secrets.token_hex(6)}"


@pytest.fixture
def faults(s3_server: s3.Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """What stands between this process and the bucket, and does as it is told."""
    with between(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        locations.s3_client.cache_clear()
        yield proxy
    locations.s3_client.cache_clear()


@pytest.fixture
def taxi(toys: None) -> UseCase:
    """The toy that runs every night, with windows and look-ups."""
    return usecases.get("taxi")


@pytest.fixture
def gym(toys: None) -> UseCase:
    """The toy that runs every month, on plain columns; its labels come late and name no night."""
    return usecases.get("gym")


@pytest.fixture
def ferry(toys: None) -> UseCase:
    """The toy that asks for a number."""
    return usecases.get("ferry")
