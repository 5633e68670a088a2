"""Images of the model server: one with the code and its libraries, and based on it one for each package.

The tag of an image is a digest of its inputs, so that nothing is built twice. Two builds have the same files.
"""

import io
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import docker
from docker.errors import BuildError

from include.platform.docker import engine
from include.settings import PROJECT, Settings
from include.stores import packages
from ml.errors import SetupError
from ml.packaging import package_files
from ml.packaging.export import archive
from ml.scoring import manifest

_DOCKERFILE = "include/serving/Dockerfile"
_SOURCES = (
    _DOCKERFILE,
    "requirements-server.txt",
    "ml/**/*.py",
    "include/*.py",
    "include/serving/**/*.py",
    "include/stores/**/*.py",
)
_PIP_INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
_HOME, _SHORT = "opt/ratchet", 12
_PACKAGE_DOCKERFILE = """\
FROM {server}
COPY {home} /{home}
ENV RATCHET_SERVING_PACKAGE={digest}
LABEL ratchet.package={digest} ratchet.use_case={use_case}
ENTRYPOINT ["python", "-m", "include.serving", "{use_case}"]
"""


def server(client: docker.DockerClient, network: str | None = None, *, rebuild: bool = False) -> str:
    """Return the name of the image with the server and no package; build it if it is missing, or always with `rebuild`.

    `network` is the Docker network of the build; None means Docker's default. Raises SetupError when the build fails.
    """
    return _ensure_image(client, "ratchet-server", source_files(PROJECT), _DOCKERFILE, network, rebuild=rebuild)


def package(
    client: docker.DockerClient, digest: str, settings: Settings, network: str | None = None, *, rebuild: bool = False
) -> str:
    """Return the name of the image that serves only the package `digest`, built in the same way as `server`.

    The image contains the package and the trusted keys, and needs nothing else. Raises PackageError when the package is
    damaged or no trusted key signed it, SetupError when the build fails.
    """
    files = packages.get(settings.packages, digest, settings.trusted_keys)
    use_case = str(package_files.facts(files)["use_case"])
    base_image = server(client, network, rebuild=rebuild)
    dockerfile = _PACKAGE_DOCKERFILE.format(server=base_image, home=_HOME, digest=digest, use_case=use_case)
    content = {f"{_HOME}/packages/{digest}/{name}": text for name, text in files.items()}
    content |= {f"{_HOME}/keys/{path.name}": path.read_bytes() for path in sorted(settings.trusted_keys.glob("*.pem"))}
    files = content | {"Dockerfile": dockerfile.encode()}
    return _ensure_image(client, f"ratchet-{use_case}", files, "Dockerfile", network, rebuild=rebuild)


@cache
def source_files(project: Path) -> Mapping[str, bytes]:
    """Return the files in the server's image by their paths in the repository.

    They are read once per process: a deployer needs them every second, and should keep the code that it started with.
    """
    paths = (each for pattern in _SOURCES for each in sorted(project.glob(pattern)))
    return {str(each.relative_to(project)): each.read_bytes() for each in paths}


def _ensure_image(
    client: docker.DockerClient,
    name: str,
    files: Mapping[str, bytes],
    dockerfile: str,
    network: str | None,
    *,
    rebuild: bool,
) -> str:
    """Return the image built from `files`, tagged with their digest; build it if it is missing or with `rebuild`."""
    tag = manifest.sha256("".join(f"{path} {manifest.sha256(files[path])}\n" for path in sorted(files)).encode())
    image = f"{name}:{tag[:_SHORT]}"
    with engine.translate_errors(f"build {image}"):
        if not rebuild and client.images.list(name=image):
            return image
        try:
            client.images.build(
                fileobj=io.BytesIO(archive.tar(files)),
                custom_context=True,
                dockerfile=dockerfile,
                tag=image,
                network_mode=network,
                buildargs={name: os.environ[name] for name in _PIP_INDEX_VARIABLES if name in os.environ},
                nocache=rebuild,
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            log_lines = [str(line.get("stream", line.get("error", ""))).strip() for line in error.build_log]
            last_lines = " | ".join(filter(None, log_lines[-5:]))
            raise SetupError(f"the image {image} cannot be built: {error.msg}: {last_lines}") from None
    return image
