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
from include.platform.docker.containers import Wanted
from include.settings import Settings
from include.stores import routing_store
from ml.rollout.routing import Routing

_NOBODY = 10001  # as in the image
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
        beside: str | None = None,
    ) -> None:
        """Answer on `port` of 127.0.0.1; `network` is what images are built on.

        `beside` is a network of others who run the front: then there is only the challenger, on that network, as `<beside>-challenger`.
        """
        self._client, self._use_case, self._where = client, use_case, settings
        self._port, self._network, self._alone = port, network, beside is None
        self._name = beside or f"ratchet-{use_case}"
        self._of = beside or use_case  # whose containers these are: others on this engine may be of the same use case
        self.address = f"http://127.0.0.1:{port}"

    def follow(self) -> list[str]:
        """Start, replace and remove containers until they are what is routed; return what was done.

        Raises RequestError while nothing is routed, SignatureError for a routing that nobody whom we trust signed,
        PackageError for a challenger that is not whole, SetupError when the engine fails.
        """
        wanted = {each.name: each for each in self._wanted(routing_store.standing(self._use_case, self._where))}
        found = containers.deployed(self._client, self._of)
        done = []
        for name, container in found.items():
            if name not in wanted or not containers.is_as(container, wanted[name]):
                containers.remove(container, _STOP_SECONDS)
                done.append(f"removed {name}, which was {container.status}")
        for name, each in wanted.items():
            if name not in found or not containers.is_as(found[name], each):
                self._connect()
                containers.run(self._client, each, self._of)
                done.append(f"started {name} from {each.image}")
        return done

    def remove(self) -> list[str]:
        """Take away every container of ours, and return their names."""
        found = containers.deployed(self._client, self._of)
        for each in found.values():
            containers.remove(each, _STOP_SECONDS)
        return list(found)

    def _wanted(self, routing: Routing) -> Iterator[Wanted]:
        challenger = f"{self._name}-challenger"
        if self._alone:
            yield self._front(challenger)
        if routing.challenger is not None:
            yield Wanted(
                name=challenger,
                image=images.package(self._client, routing.challenger, self._where, self._network),
                network=self._name,
                user=f"{_NOBODY}:{_NOBODY}",
            )

    def _front(self, challenger: str) -> Wanted:
        shelf, journal = self._where.feature_store / self._use_case, self._where.journal / self._use_case
        for folder in (shelf / "snapshots", journal, self._where.routes):
            folder.mkdir(parents=True, exist_ok=True)
        return Wanted(
            name=self._name,
            image=images.server(self._client, self._network),
            network=self._name,
            user=_owner_of(journal),
            command=(self._use_case,),
            environment={
                "RATCHET_ROUTES": f"{_HOME}/routes",
                "RATCHET_JOURNAL": f"{_HOME}/journal",
                "RATCHET_FEATURE_STORE": f"{_HOME}/features",
                "RATCHET_SERVING_CHALLENGER": f"http://{challenger}:{_PORT}",
            },
            readable={
                f"{_HOME}/routes": str(self._where.routes),
                f"{_HOME}/packages": str(self._where.packages),
                f"{_HOME}/keys": str(self._where.trusted_keys),
                f"{_HOME}/features/{self._use_case}": str(shelf),
            },
            writable={f"{_HOME}/journal/{self._use_case}": str(journal)},
            published=self._port,
        )

    def _connect(self) -> None:
        """Make the network on which the containers of the use case see each other, and nobody else."""
        with engine.asked(f"make the network {self._name}"):
            try:
                self._client.networks.get(self._name)
            except NotFound:
                self._client.networks.create(self._name, driver="bridge", check_duplicate=True)


def _owner_of(journal: Path) -> str:
    """Return as whom a server writes into `journal`: its owner, and where that is root, whom the images run as."""
    told = journal.stat()
    if told.st_uid != 0:
        return f"{told.st_uid}:{told.st_gid}"
    os.chown(journal, _NOBODY, _NOBODY)
    return f"{_NOBODY}:{_NOBODY}"
