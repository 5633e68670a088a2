"""The deployer: it reads the signed routing and makes the containers match it. It takes no other requests.

The front server follows the routing by itself, as every server does. A challenger gets its own container, from an image
that contains its package and has nothing to write to: if the challenger fails, the champion still answers.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from include.platform.docker import containers, engine, images
from include.platform.docker.containers import ContainerSpec
from include.settings import Settings
from include.stores import routing_store
from ml.errors import SetupError
from ml.rollout.routing import Routing

_UNPRIVILEGED_ID = 10001  # as in the image
_STOP_SECONDS = 15
_HOME, _PORT = "/opt/ratchet", 8080


class Deployer:
    """Makes the containers of one use case match its signed routing."""

    def __init__(
        self,
        client: docker.DockerClient,
        use_case: str,
        settings: Settings,
        port: int,
        network: str | None = None,
        join_network: str | None = None,
    ) -> None:
        """Publish the front server on `port` of 127.0.0.1; `network` is the Docker network for image builds.

        `join_network` is an existing network on which somebody else runs the front server. With it, the deployer only
        runs the challenger, on that network, under the name `<join_network>-challenger`.
        """
        self._client, self._use_case, self._settings = client, use_case, settings
        self._port, self._network, self._runs_front = port, network, join_network is None
        self._name = join_network or f"ratchet-{use_case}"
        # The network, where there is one: other containers on this engine may belong to the same use case.
        self._owner = join_network or use_case
        self.address = f"http://127.0.0.1:{port}"

    def reconcile(self) -> list[str]:
        """Start, replace and remove containers until they match the routing; return a sentence for each change.

        Raises RequestError while there is no routing, SignatureError if no trusted key signed the routing,
        PackageError if the challenger's package is damaged, SetupError when the engine fails, or when a container ends
        as soon as it is started; the engine itself starts it again, after longer and longer pauses.
        """
        desired = {each.name: each for each in self._desired(routing_store.current(self._use_case, self._settings))}
        existing = containers.list_owned(self._client, self._owner)
        changes, restarting = [], []
        for name, container in existing.items():
            if name not in desired or not containers.is_up_to_date(container, desired[name]):
                changes.append(f"removed {name}, which was {_describe_state(container)}")
                containers.remove(container, _STOP_SECONDS)
            elif containers.is_restarting(container):
                restarting.append(container)
        for name, each in desired.items():
            if name not in existing or not containers.is_up_to_date(existing[name], each):
                self._ensure_network()
                containers.run(self._client, each, self._owner)
                changes.append(f"started {name} from {each.image}")
        if restarting:
            ended = "; ".join(
                f"{each.name} to keep running, but it ended ({containers.describe_end(each)})" for each in restarting
            )
            raise SetupError(
                f"expected {ended}: the engine starts it again; `docker logs` with that name shows the whole log"
            )
        return changes

    def remove(self) -> list[str]:
        """Remove every container of this deployer, and return their names."""
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
        """Create the network of this use case's containers, if it does not exist."""
        with engine.translate_errors(f"make the network {self._name}"):
            try:
                self._client.networks.get(self._name)
            except NotFound:
                self._client.networks.create(self._name, driver="bridge", check_duplicate=True)


def _describe_state(container: Container) -> str:
    state = str(container.status)
    return state if state == "running" else f"{state} ({containers.describe_end(container)})"


def _server_user(request_log: Path) -> str:
    """Return the owner of `request_log` as "uid:gid"; if that is root, give the folder to the images' user first."""
    status = request_log.stat()
    if status.st_uid != 0:
        return f"{status.st_uid}:{status.st_gid}"
    os.chown(request_log, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
    return f"{_UNPRIVILEGED_ID}:{_UNPRIVILEGED_ID}"
