"""Containers of the model server: their specification, and how they are listed, started and removed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import docker
from docker.models.containers import Container

from include.platform.docker import engine
from ml.scoring import manifest

_OWNER_LABEL, _SPEC_LABEL = "ratchet.deployed_for", "ratchet.specification"
_RESTARTING, _LOG_LINES = "restarting", 20
_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSpec:
    """A container that should run.

    `readable` and `writable` map paths inside the container to folders of this machine. `user` is "uid:gid", never
    root. `published` is the port on 127.0.0.1 that forwards to the container, or None.
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
        """The SHA-256 of this specification; a running container with another digest is replaced."""
        return manifest.sha256(json.dumps(asdict(self), sort_keys=True).encode())


def list_owned(client: docker.DockerClient, owner: str) -> dict[str, Container]:
    """Return the containers of `owner` (a use case or a network) by name, including stopped ones."""
    with engine.translate_errors(f"list the containers of {owner}"):
        matches = client.containers.list(all=True, filters={"label": f"{_OWNER_LABEL}={owner}"})
        return {str(each.name): each for each in matches}


def is_up_to_date(container: Container, spec: ContainerSpec) -> bool:
    """Return whether `container` was started from `spec`, and runs or is being restarted by the engine."""
    return container.status in ("running", _RESTARTING) and container.labels.get(_SPEC_LABEL) == spec.digest


def is_restarting(container: Container) -> bool:
    """Return whether `container` ended by itself and waits for the engine to start it again."""
    return str(container.status) == _RESTARTING


def describe_end(container: Container) -> str:
    """Return how `container` ended: its exit code, and the last line of its log if it has one."""
    with engine.translate_errors(f"read the log of {container.name}"):
        code = container.attrs["State"]["ExitCode"]
        lines = container.logs(tail=_LOG_LINES).decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"exit code {code}" + (f", last line of its log: {last}" if last else ", its log is empty")


def run(client: docker.DockerClient, spec: ContainerSpec, owner: str) -> Container:
    """Start a container from `spec`: without root, with a read-only file system, no capabilities, and with limits."""
    mounts = {
        host_path: {"bind": container_path, "mode": mode}
        for folders, mode in ((spec.readable, "ro"), (spec.writable, "rw"))
        for container_path, host_path in folders.items()
    }
    uid, _, gid = spec.user.partition(":")
    with engine.translate_errors(f"start {spec.name}"):
        return client.containers.run(
            spec.image,
            list(spec.command),
            name=spec.name,
            detach=True,
            init=True,
            user=spec.user,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            mem_limit=spec.memory_megabytes * _MEGABYTE,
            memswap_limit=spec.memory_megabytes * _MEGABYTE,
            pids_limit=spec.processes,
            tmpfs={"/tmp": "size=16m", "/var/lib/ratchet": f"size=64m,mode=0700,uid={uid},gid={gid}"},  # noqa: S108 - its own
            volumes=mounts,
            environment=dict(spec.environment),
            network=spec.network,
            ports={"8080/tcp": ("127.0.0.1", spec.published)} if spec.published else None,
            restart_policy={"Name": "unless-stopped"},
            log_config={"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
            labels={_OWNER_LABEL: owner, _SPEC_LABEL: spec.digest},
        )


def remove(container: Container, seconds: int) -> None:
    """Give `container` up to `seconds` to finish its open requests, then remove it."""
    with engine.translate_errors(f"remove {container.name}"):
        container.stop(timeout=seconds)
        container.remove(force=True)
