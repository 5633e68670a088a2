"""Containers on a real engine: they follow what is routed, and one that dies takes no other with it."""

import re
from dataclasses import replace
from typing import Any

import docker
import httpx
import pytest

from include.platform.docker.deployer import Deployer
from include.serving.child_server import wait_until
from include.settings import Settings
from ml.errors import RequestError, SetupError, SignatureError
from ml.rollout.routing import Route
from tests import served
from tests.include.platform.docker.conftest import NETWORK, ready
from tests.served import USE_CASE
from tests.waiting import eventually

pytestmark = pytest.mark.docker
FRONT, CHALLENGER = f"ratchet-{USE_CASE}", f"ratchet-{USE_CASE}-challenger"


def answer(deployer: Deployer, entity: str = "ride-1") -> dict[str, Any]:
    """Return the front's answer about `entity`."""
    replied = httpx.post(f"{deployer.address}/score", json={"entities": [entity]}, trust_env=False)
    assert replied.status_code == 200, replied.text
    found: dict[str, Any] = replied.json()["answers"][0]
    return found


def test_a_challenger_answers_from_a_container_of_its_own_and_its_death_is_no_failure(
    deployer: Deployer, client: docker.DockerClient, home: Settings
) -> None:
    """One long walk, as each container takes seconds to start."""
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, champion)

    assert len(deployer.reconcile()) == 1
    wait_until(lambda: ready(deployer.address), "the front to be ready")
    assert answer(deployer)["package"] == champion
    assert deployer.reconcile() == []

    served.routed(home, champion, 2, challenger=challenger, canary=1.0, release="one")
    assert len(deployer.reconcile()) == 1
    wait_until(lambda: answer(deployer)["package"] == challenger, "the challenger to answer")
    expected = served.model("logistic").predict_row(dict(served.ENTITIES.iloc[1][list(served.NAMES)]))
    assert answer(deployer)["score"] == expected

    client.containers.get(CHALLENGER).kill()
    for _ in range(20):
        assert answer(deployer)["route"] == Route.CHAMPION
    assert len(deployer.reconcile()) == 2
    wait_until(lambda: answer(deployer)["package"] == challenger, "the challenger to answer")

    served.routed(home, challenger, 3, standby=champion)
    wait_until(lambda: answer(deployer)["route"] == Route.CHAMPION, "it to be champion")
    deployer.reconcile()
    assert answer(deployer)["package"] == challenger
    assert [each.name for each in client.containers.list(filters={"network": FRONT})] == [FRONT]

    client.containers.get(FRONT).kill()
    assert len(deployer.reconcile()) == 2
    wait_until(lambda: ready(deployer.address), "the front to be ready")
    assert answer(deployer)["package"] == challenger


def test_a_container_may_nothing_that_it_does_not_need(
    deployer: Deployer, client: docker.DockerClient, home: Settings
) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, champion, challenger=challenger, shadow=True)
    deployer.reconcile()
    wait_until(lambda: ready(deployer.address), "the front to be ready")
    for name in (FRONT, CHALLENGER):
        container = client.containers.get(name)
        told = container.attrs["HostConfig"]
        assert told["ReadonlyRootfs"]
        assert told["CapDrop"] == ["ALL"]
        assert told["SecurityOpt"] == ["no-new-privileges:true"]
        assert told["Memory"] == told["MemorySwap"] > 0
        assert told["PidsLimit"] > 0
        code, uid = container.exec_run(["id", "-u"])
        assert (code, uid.strip() != b"0") == (0, True)
        code, said = container.exec_run(["touch", "/opt/ratchet/packages/planted"])
        assert code != 0, said
    assert client.containers.get(CHALLENGER).attrs["Mounts"] == []
    assert not client.containers.get(CHALLENGER).ports.get("8080/tcp")
    assert [each["HostIp"] for each in client.containers.get(FRONT).ports["8080/tcp"]] == ["127.0.0.1"]


def test_a_container_that_ends_by_itself_is_reported_with_its_last_line_and_left_to_the_engine(
    deployer: Deployer, client: docker.DockerClient, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.routed(home, served.packaged(home))
    spec = Deployer._front_spec
    monkeypatch.setattr(Deployer, "_front_spec", lambda *args: replace(spec(*args), command=(USE_CASE, "fly")))
    deployer.reconcile()
    front = client.containers.get(FRONT)

    def reported() -> str | None:
        try:
            deployer.reconcile()
        except SetupError as error:
            return str(error)
        return None

    assert re.match(
        rf"expected {FRONT} to keep running, but it ended \(exit code 1, last line of its log: expected the command 'serve'",
        eventually(reported),
    )
    assert client.containers.get(FRONT).id == front.id

    front.stop()
    removed, started = deployer.reconcile()
    assert re.match(rf"removed {FRONT}, which was exited \(exit code \d+, last line of its log: expected the", removed)
    assert started.startswith(f"started {FRONT} from")


def test_nothing_runs_before_the_first_champion(deployer: Deployer) -> None:
    with pytest.raises(RequestError, match="no champion yet"):
        deployer.reconcile()


def test_a_routing_that_nobody_trusted_signed_moves_no_container(deployer: Deployer, home: Settings) -> None:
    served.routed(home, served.packaged(home))
    for key in home.trusted_keys.rglob("*.pem"):
        key.unlink()
    with pytest.raises(SignatureError):
        deployer.reconcile()


def test_beside_a_front_of_others_only_the_challenger_is_deployed_and_on_their_network(
    client: docker.DockerClient, home: Settings
) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.routed(home, champion)
    network = client.networks.create("ratchet-test-beside")
    beside = Deployer(client, USE_CASE, home, 1, NETWORK, network.name)
    try:
        assert beside.reconcile() == []
        served.routed(home, champion, 2, challenger=challenger, shadow=True)
        assert len(beside.reconcile()) == 1
        (container,) = client.containers.list(filters={"network": network.name})
        assert container.name == f"{network.name}-challenger"
        served.routed(home, champion, 3)
        assert len(beside.reconcile()) == 1
        assert client.containers.list(all=True, filters={"network": network.name}) == []
    finally:
        beside.remove()
        network.remove()
