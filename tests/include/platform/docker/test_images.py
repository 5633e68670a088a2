"""Images built by a real engine: named by what is in them, the same whenever they are built, and enough by themselves."""

import docker
import httpx
import pytest

from include import ports
from include.platform.docker import file_digest, images
from include.serving.child_server import wait_until
from include.settings import Settings
from ml.errors import PackageError
from tests import served
from tests.include.platform.docker.conftest import NETWORK, ready

pytestmark = pytest.mark.docker


def test_what_is_built_twice_has_the_same_files(client: docker.DockerClient, home: Settings) -> None:
    digest = served.packaged(home)
    name = images.package(client, digest, home, NETWORK)
    first = file_digest.digest(client, name)
    again = images.package(client, digest, home, NETWORK, rebuild=True)
    assert (again, file_digest.digest(client, again)) == (name, first)


def test_images_of_two_packages_differ_in_name_and_files(client: docker.DockerClient, home: Settings) -> None:
    names = [images.package(client, served.packaged(home, each), home, NETWORK) for each in ("trees", "logistic")]
    assert len(set(names)) == len({file_digest.digest(client, name) for name in names}) == 2


def test_a_damaged_package_gets_no_image(client: docker.DockerClient, home: Settings) -> None:
    digest = served.packaged(home)
    learner = home.packages / digest / "learner.txt"
    learner.write_bytes(learner.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(PackageError, match="was truncated or changed"):
        images.package(client, digest, home, NETWORK)


@pytest.mark.parametrize(
    ("environment", "command", "port"),
    [({}, [], 8080), ({"PORT": "9001"}, [], 9001), ({"AIP_HTTP_PORT": "9002"}, [], 9002), ({}, ["serve"], 8080)],
    ids=["plain", "Cloud Run", "Vertex AI", "SageMaker"],
)
def test_an_image_needs_nothing_but_its_port(
    client: docker.DockerClient, home: Settings, environment: dict[str, str], command: list[str], port: int
) -> None:
    digest = served.packaged(home)
    name = images.package(client, digest, home, NETWORK)
    outside = ports.free_port(home.host)
    container = client.containers.run(
        name, command, detach=True, environment=environment, ports={f"{port}/tcp": ("127.0.0.1", outside)}
    )
    address = f"http://127.0.0.1:{outside}"

    try:
        wait_until(lambda: ready(address, "/ping"), f"{name} to answer")
        row = {"hour": 13.0, "zone": "a"}
        told = httpx.post(f"{address}/invocations", json={"dataframe_records": [row]}, trust_env=False).json()
        assert told["predictions"] == [served.model().predict_row(row)]
    finally:
        container.remove(force=True)
