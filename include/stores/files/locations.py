"""Where files land: a folder, or a prefix in any S3, behind the same verbs."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from include.stores.files import atomic
from ml.errors import DataError, SetupError

LARGEST_FILE = 2 * 1024**3
_TRIES, _CHUNK = 3, 4 * 1024**2
_NOT_FOUND_CODES = ("NoSuchKey", "404")
_CONNECT_SECONDS, _ANSWER_SECONDS, _ATTEMPTS = 5, 30, 5


class Location(Protocol):
    """A place that holds files by name."""

    def ensure_exists(self) -> None:
        """Let the place be there to land in; a bucket is its owner's to make."""

    def child(self, name: str) -> "Location":
        """Return the place `name` inside this one."""

    def names(self) -> list[str]:
        """Return the names of the files here, in no order; none where nothing landed."""

    def file_versions(self) -> dict[str, str]:
        """Return the files here by name, each with a stamp that is another one once the file was changed."""

    def file_versions_by_child(self, first: str, last: str) -> dict[str, dict[str, str]]:
        """Return the same of each place inside this one, by its name, of those from `first` to `last`."""

    def fetch(self, name: str, folder: Path) -> Path:
        """Return where a file is on this machine: here already, or brought whole to `folder`.

        Raises DataError when it is gone, too large, or does not come whole, and SetupError when nobody answers.
        """

    def put(self, name: str, content: bytes) -> None:
        """Store a file in one step."""


def from_address(address: str) -> Location:
    """Return the place that `address` names: `s3://bucket/prefix`, or else a folder."""
    parts = urlsplit(address)
    if parts.scheme == "s3":
        return Bucket(bucket=parts.netloc, prefix=parts.path.strip("/"))
    return Folder(Path(address))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def ensure_exists(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    def child(self, name: str) -> "Folder":
        return Folder(self.path / name)

    def names(self) -> list[str]:
        return list(self.file_versions())

    def file_versions(self) -> dict[str, str]:
        paths = self.path.iterdir() if self.path.is_dir() else ()
        return {path.name: version for path in paths if (version := _file_version(path))}

    def file_versions_by_child(self, first: str, last: str) -> dict[str, dict[str, str]]:
        paths = self.path.iterdir() if self.path.is_dir() else ()
        return {path.name: Folder(path).file_versions() for path in paths if first <= path.name <= last}

    def fetch(self, name: str, folder: Path) -> Path:
        target = self.path / name
        if not target.exists():
            raise DataError(f"expected the file {target}, but it is gone; land it and run this night again")
        _check_size(str(target), target.stat().st_size)
        return target

    def put(self, name: str, content: bytes) -> None:
        atomic.write(self.path / name, content)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A prefix in a bucket. Endpoint, region and credentials are boto3's own environment variables (`AWS_...`)."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def ensure_exists(self) -> None:
        pass

    def child(self, name: str) -> "Bucket":
        return Bucket(bucket=self.bucket, prefix=f"{self.prefix}/{name}".lstrip("/"))

    def names(self) -> list[str]:
        return list(self.file_versions())

    def file_versions(self) -> dict[str, str]:
        return {name: version for name, version in self._list_keys(Delimiter="/") if name}

    def file_versions_by_child(self, first: str, last: str) -> dict[str, dict[str, str]]:
        """Return what `Place.below` says, in one request for each thousand files from `first` on."""
        versions: dict[str, dict[str, str]] = {}
        shortly_before = f"{self.prefix}/{first[:-1]}"  # SeaweedFS passes over what is inside the place it starts after
        for key, version in self._list_keys(StartAfter=shortly_before):
            child, _, name = key.partition("/")
            if child > last:
                break
            if child >= first and name and "/" not in name:
                versions.setdefault(child, {})[name] = version
        return versions

    def _list_keys(self, **options: str) -> Iterator[tuple[str, str]]:
        """Yield each key below the prefix, in their order, and the tag of its bytes."""
        pages, prefix = s3_client().get_paginator("list_objects_v2"), f"{self.prefix}/"
        with translate_errors(self):
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **options):
                for each in page.get("Contents", []):
                    yield each["Key"].removeprefix(prefix), each["ETag"].strip('"')

    def fetch(self, name: str, folder: Path) -> Path:
        from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError

        fault: Exception | None = None
        for _ in range(_TRIES):
            try:
                return self._download(name, folder / name)
            except (HTTPClientError, IncompleteReadError, ResponseStreamingError) as cut:
                fault = cut
        raise DataError(f"{self}/{name} did not come whole in {_TRIES} tries ({fault}); run this night again later")

    def put(self, name: str, content: bytes) -> None:
        with translate_errors(self):
            s3_client().put_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}", Body=content)

    def _download(self, name: str, target: Path) -> Path:
        """Return `target` with the object's bytes; botocore raises when fewer come than its length says."""
        with translate_errors(self, name):
            response = s3_client().get_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}".lstrip("/"))
        _check_size(f"{self}/{name}", response["ContentLength"])
        with target.open("wb") as file:
            file.writelines(response["Body"].iter_chunks(_CHUNK))
        return target


@contextmanager
def translate_errors(location: Location, name: str = "") -> Iterator[None]:
    """Raise SetupError in place of whatever boto3 says when a bucket is away, busy, or does not let us in.

    Raises DataError when it answers that there is no object `name`.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NOT_FOUND_CODES:
            raise DataError(
                f"expected the object {location}/{name}, but it is gone; land it and run this night again"
            ) from None
        raise SetupError(
            f"expected the bucket to answer at {location}, but: {error}. Start it, or mend its address (RATCHET_LANDING) and "
            "the AWS_... variables, and run this again: what was put there is whole or is not there"
        ) from None


def _file_version(path: Path) -> str:
    """Return the size of a file and when it was changed; nothing for what is no file, or went away meanwhile."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}" if stat.S_ISREG(status.st_mode) else ""


def _check_size(name: str, size: int) -> None:
    if size > LARGEST_FILE:
        raise DataError(f"{name}: expected files of at most {LARGEST_FILE:,} bytes, got {size:,}; land it in parts")


@cache
def s3_client() -> Any:
    """Return a client of this process; boto3 retries what can be retried."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    config = Config(retries=retries, connect_timeout=_CONNECT_SECONDS, read_timeout=_ANSWER_SECONDS)
    return boto3.client("s3", config=config)
