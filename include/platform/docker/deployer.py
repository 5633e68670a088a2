"""The deployer: it reads what is routed, and lets the containers be that. Nobody can ask it for anything else.

The front follows the routing by itself, as every server does. A challenger gets a container of its own, from an image
that has its package and nothing to write to: whatever it does, the champion answers on.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import NotFound

from include.platform.docker import containers, engine, images
from include.platform.docker.containers import ContainerSpec
from include.settings import Settings
from include.stores import routing_store
from ml.rollout.routing import Routing

_UNPRIVILEGED_ID = 10001  # as in the image
_STOP_SECONDS = 15
_HOME, _PORT = "/opt/ratchet", 8080


class Deployer:
    """Lets the containers of one use case follow its signed routing."""

    def __init__(
        self,
        client: docker.DockerClient,
        use_case: str,
        settings: Settings,
        port: int,
        network: str | None = None,
        join_network: str | None = None,
    ) -> None:
        """Answer on `port` of 127.0.0.1; `network` is what images are built on.

        `beside` is a network of others who run the front: then there is only the challenger, on that network, as `<beside>-challenger`.
        """
        self._client, self._use_case, self._settings = client, use_case, settings
        self._port, self._network, self._runs_front = port, network, join_network is None
        self._name = join_network or f"ratchet-{use_case}"
        self._owner = (
            join_network or use_case
        )  # whose containers these are: others on this engine may be of the same use case
        self.address = f"http://127.0.0.1:{port}"

    def reconcile(self) -> list[str]:
        """Start, replace and remove containers until they are what is routed; return what was done.

        Raises RequestError while nothing is routed, SignatureError for a routing that nobody whom we trust signed,
        PackageError for a challenger that is not whole, SetupError when the engine fails.
        """
        desired = {each.name: each for each in self._desired(routing_store.current(self._use_case, self._settings))}
        existing = containers.list_owned(self._client, self._owner)
        changes = []
        for name, container in existing.items():
            if name not in desired or not containers.is_up_to_date(container, desired[name]):
                containers.remove(container, _STOP_SECONDS)
                changes.append(f"removed {name}, which was {container.status}")
        for name, each in desired.items():
            if name not in existing or not containers.is_up_to_date(existing[name], each):
                self._ensure_network()
                containers.run(self._client, each, self._owner)
                changes.append(f"started {name} from {each.image}")
        return changes

    def remove(self) -> list[str]:
        """Take away every container of ours, and return their names."""
        existing = containers.list_owned(self._client, self._owner)
        for each in existing.values():
            containers.remove(each, _STOP_SECONDS)
        return list(existing)

    def _desired(self, routing: Routing) -> Iterator[ContainerSpec]:
        challenger = f"{self._name}-challenger"
        if self._runs_front:
            yield self._front_spec(challenger)
        if routing.challenger is not None:
            yield ContainerSpec(
                name=challenger,
                image=images.package(self._client, routing.challenger, self._settings, self._network),
                network=self._name,
                user=f"{_UNPRIVILEGED_ID}:{_UNPRIVILEGED_ID}",
            )

    def _front_spec(self, challenger: str) -> ContainerSpec:
        features, request_log = (
            self._settings.feature_store / self._use_case,
            self._settings.prediction_log / self._use_case,
        )
        for folder in (features / "snapshots", request_log, self._settings.routes):
            folder.mkdir(parents=True, exist_ok=True)
        return ContainerSpec(
            name=self._name,
            image=images.server(self._client, self._network),
            network=self._name,
            user=_server_user(request_log),
            command=(self._use_case,),
            environment={
                "RATCHET_ROUTES": f"{_HOME}/routes",
                "RATCHET_PREDICTION_LOG": f"{_HOME}/prediction_log",
                "RATCHET_FEATURE_STORE": f"{_HOME}/features",
                "RATCHET_SERVING_CHALLENGER": f"http://{challenger}:{_PORT}",
            },
            readable={
                f"{_HOME}/routes": str(self._settings.routes),
                f"{_HOME}/packages": str(self._settings.packages),
                f"{_HOME}/keys": str(self._settings.trusted_keys),
                f"{_HOME}/features/{self._use_case}": str(features),
            },
            writable={f"{_HOME}/prediction_log/{self._use_case}": str(request_log)},
            published=self._port,
        )

    def _ensure_network(self) -> None:
        """Make the network on which the containers of the use case see each other, and nobody else."""
        with engine.translate_errors(f"make the network {self._name}"):
            try:
                self._client.networks.get(self._name)
            except NotFound:
                self._client.networks.create(self._name, driver="bridge", check_duplicate=True)


def _server_user(request_log: Path) -> str:
    """Return as whom a server writes into `request_log`: its owner, and where that is root, whom the images run as."""
    status = request_log.stat()
    if status.st_uid != 0:
        return f"{status.st_uid}:{status.st_gid}"
    os.chown(request_log, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
    return f"{_UNPRIVILEGED_ID}:{_UNPRIVILEGED_ID}"
