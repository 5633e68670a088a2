"""The digest of an image's files, which does not depend on its layers or its build time."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator

import docker

from include.platform.docker import engine
from ml.scoring import manifest

# Files that the engine adds when it creates a container; they are not part of the image.
_ENGINE_FILES = ("dev", "proc", "sys", ".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf")


def digest(client: docker.DockerClient, image: str) -> str:
    """Return the SHA-256 over all files of `image`: path, type, mode, owner, link target, and content.

    Raises SetupError when the engine has no such image.
    """
    with engine.translate_errors(f"read {image}"):
        container = client.containers.create(image)
        try:
            return digest_tar(container.export())
        finally:
            container.remove()


def digest_tar(parts: Iterable[bytes]) -> str:
    """Return the same digest for a tar archive given as `parts`; member order and times do not matter."""
    lines = []
    with tarfile.open(fileobj=io.BufferedReader(_Stream(iter(parts))), mode="r|") as tar:
        for each in tar:
            if each.name.partition("/")[0] in _ENGINE_FILES or each.name in _ENGINE_FILES:
                continue
            content = tar.extractfile(each) if each.isreg() else None
            hashed = manifest.sha256(content.read()) if content else ""
            fields = (each.name, each.type.decode(), f"{each.mode:o}", each.uid, each.gid, each.linkname, hashed)
            lines.append("\0".join(map(str, fields)))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


class _Stream(io.RawIOBase):
    """The parts of a download as one readable file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._rest = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]  # a buffer, as in `io`
        self._rest = self._rest or next(self._parts, b"")
        count = len(self._rest[: len(into)])
        into[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
