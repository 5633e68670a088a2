"""A Docker engine that really answers, and what the tests left on it taken away."""

import os
from collections.abc import Iterator
from contextlib import closing

import docker
import httpx
import pytest

from include import ports
from include.platform.docker import engine
from include.platform.docker.deployer import Deployer
from include.settings import Settings
from tests.served import USE_CASE

NETWORK = os.environ.get("RATCHET_TEST_BUILD_NETWORK")


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """A client of the engine; these tests fail where none answers."""
    with closing(engine.connect()) as client:
        yield client


@pytest.fixture
def deployer(client: docker.DockerClient, home: Settings) -> Iterator[Deployer]:
    """A deployer of the toy, on a free port."""
    deployer = Deployer(client, USE_CASE, home, ports.free_port(home.host), NETWORK)
    yield deployer
    deployer.remove()


def ready(address: str, path: str = "/readyz") -> bool:
    """Say whether a server is there, and has something to answer with."""
    try:
        return httpx.get(f"{address}{path}", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
