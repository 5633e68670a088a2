"""Connect to a Docker engine, and turn its failures into SetupError."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.errors import DockerException

from ml.errors import SetupError


def connect() -> docker.DockerClient:
    """Return a client of the engine at `DOCKER_HOST`, or of this machine's; raises SetupError when none answers."""
    try:
        return docker.from_env()
    except DockerException as error:
        raise SetupError(f"expected a Docker engine to answer (DOCKER_HOST, or this machine's), but: {error}") from None


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Raise SetupError when the engine fails; `action` completes "the Docker engine failed to ..."."""
    try:
        yield
    except DockerException as error:
        raise SetupError(f"the Docker engine failed to {action}: {error}") from None
