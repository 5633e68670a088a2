"""Images built by a real engine: named by what is in them, the same whenever they are built, and enough by themselves."""

import json
import tarfile
from itertools import chain
from pathlib import Path

import boto3
import docker
import grimp
import httpx
import pytest

from include import ports
from include.platform.docker import file_digest, images
from include.serving.child_server import wait_until
from include.settings import PROJECT, Settings
from include.steps.train import export
from include.steps.train.export import ExportFormat
from ml.errors import PackageError
from tests import served
from tests.include.platform.docker.conftest import NETWORK, ready


def test_an_image_has_every_module_that_the_server_can_import() -> None:
    graph = grimp.build_graph("include", "ml")
    needed = graph.find_upstream_modules("include.serving", as_package=True) | {"include.serving.__main__"}
    stored = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in images.source_files(PROJECT)
    }
    assert needed - stored == set()


def test_the_dockerfile_copies_exactly_the_files_of_the_build() -> None:
    lines = (PROJECT / "include/serving/Dockerfile").read_text().splitlines()
    sources = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    copied = {
        path
        for pattern in chain.from_iterable(sources)
        for result in PROJECT.glob(pattern)
        for path in ([result] if result.is_file() else result.rglob("*.py"))
    }
    assert {str(each.relative_to(PROJECT)) for each in copied} == images.source_files(PROJECT).keys() - {
        "include/serving/Dockerfile"
    }


@pytest.mark.docker
def test_what_is_built_twice_has_the_same_files(client: docker.DockerClient, home: Settings) -> None:
    digest = served.packaged(home)
    name = images.package(client, digest, home, NETWORK)
    first = file_digest.digest(client, name)
    again = images.package(client, digest, home, NETWORK, rebuild=True)
    assert (again, file_digest.digest(client, again)) == (name, first)


@pytest.mark.docker
def test_images_of_two_packages_differ_in_name_and_files(client: docker.DockerClient, home: Settings) -> None:
    names = [images.package(client, served.packaged(home, each), home, NETWORK) for each in ("trees", "logistic")]
    assert len(set(names)) == len({file_digest.digest(client, name) for name in names}) == 2


@pytest.mark.docker
def test_a_damaged_package_gets_no_image(client: docker.DockerClient, home: Settings) -> None:
    digest = served.packaged(home)
    learner = home.packages / digest / "learner.txt"
    learner.write_bytes(learner.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(PackageError, match="was truncated or changed"):
        images.package(client, digest, home, NETWORK)


@pytest.mark.docker
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
        reported = httpx.post(f"{address}/invocations", json={"dataframe_records": [row]}, trust_env=False).json()
        assert reported["predictions"] == [served.model().predict_row(row)]
    finally:
        container.remove(force=True)


@pytest.mark.docker
def test_the_image_without_a_package_serves_what_sagemaker_unpacks_into_it(
    client: docker.DockerClient, home: Settings, tmp_path: Path
) -> None:
    exported = export.export(served.packaged(home), ExportFormat.SAGEMAKER, tmp_path)
    with tarfile.open(exported / "model.tar.gz", "r:gz") as archive:
        archive.extractall(tmp_path / "model", filter="data")
    request = json.loads((exported / "create-model.json").read_text())
    outside = ports.free_port(home.host)
    container = client.containers.run(
        images.server(client, NETWORK),
        ["serve"],
        detach=True,
        environment=request["PrimaryContainer"]["Environment"],
        ports={"8080/tcp": ("127.0.0.1", outside)},
        volumes={str(tmp_path / "model"): {"bind": "/opt/ml/model", "mode": "ro"}},
    )
    address = f"http://127.0.0.1:{outside}"

    try:
        wait_until(lambda: ready(address, "/ping"), "the server's image to answer")
        signed = {"region_name": "eu-west-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
        runtime = boto3.client("sagemaker-runtime", endpoint_url=address, **signed)
        reply = runtime.invoke_endpoint(EndpointName=served.USE_CASE, ContentType="text/csv", Body="13,a")
        score = served.model().predict_row({"hour": 13.0, "zone": "a"})
        assert json.loads(reply["Body"].read()) == {"predictions": [score]}
    finally:
        container.remove(force=True)
