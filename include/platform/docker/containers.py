"""Containers of the model server: what each may do, and how one becomes what it should be."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import docker
from docker.models.containers import Container

from include.platform.docker import engine
from ml.governance import manifest

_FOR, _SPECIFICATION = "ratchet.deployed_for", "ratchet.specification"
_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A container that should run: `readable` and `writable` are folders of this machine by their places inside.

    `user` is who it runs as ("uid:gid", never root), `published` the port on 127.0.0.1 that leads to it, None for none.
    """

    name: str
    image: str
    network: str
    user: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: Mapping[str, str] = field(default_factory=dict)
    writable: Mapping[str, str] = field(default_factory=dict)
    published: int | None = None
    memory_megabytes: int = 512
    processes: int = 128

    @property
    def digest(self) -> str:
        """What tells this container from one that should be different."""
        return manifest.sha256(json.dumps(asdict(self), sort_keys=True).encode())


def deployed(client: docker.DockerClient, whose: str) -> dict[str, Container]:
    """Return our containers of `whose`, a use case or a network, by name, those that do not run too."""
    with engine.asked(f"list the containers of {whose}"):
        found = client.containers.list(all=True, filters={"label": f"{_FOR}={whose}"})
        return {str(each.name): each for each in found}


def is_as(container: Container, wanted: Wanted) -> bool:
    """Say whether `container` runs, and is what is `wanted`."""
    return (container.status, container.labels.get(_SPECIFICATION)) == ("running", wanted.digest)


def run(client: docker.DockerClient, wanted: Wanted, whose: str) -> Container:
    """Start what is `wanted`: not root, on a file system it cannot write, without capabilities, and with limits."""
    mounts = {
        place: {"bind": inside, "mode": mode}
        for folders, mode in ((wanted.readable, "ro"), (wanted.writable, "rw"))
        for inside, place in folders.items()
    }
    uid, _, gid = wanted.user.partition(":")
    with engine.asked(f"start {wanted.name}"):
        return client.containers.run(
            wanted.image,
            list(wanted.command),
            name=wanted.name,
            detach=True,
            init=True,
            user=wanted.user,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            mem_limit=wanted.memory_megabytes * _MEGABYTE,
            memswap_limit=wanted.memory_megabytes * _MEGABYTE,
            pids_limit=wanted.processes,
            tmpfs={"/tmp": "size=16m", "/var/lib/ratchet": f"size=64m,mode=0700,uid={uid},gid={gid}"},  # noqa: S108 - its own
            volumes=mounts,
            environment=dict(wanted.environment),
            network=wanted.network,
            ports={"8080/tcp": ("127.0.0.1", wanted.published)} if wanted.published else None,
            restart_policy={"Name": "unless-stopped"},
            log_config={"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
            labels={_FOR: whose, _SPECIFICATION: wanted.digest},
        )


def remove(container: Container, seconds: int) -> None:
    """Let `container` finish the requests under way within `seconds`, and take it away."""
    with engine.asked(f"remove {container.name}"):
        container.stop(timeout=seconds)
        container.remove(force=True)
