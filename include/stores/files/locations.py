"""Places where files land: a folder or an S3 prefix, behind one interface."""

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
        """Create the place if it does not exist; a bucket must exist already."""

    def child(self, name: str) -> "Location":
        """Return the place `name` inside this one."""

    def names(self) -> list[str]:
        """Return the names of the files here, in no order; none if the place does not exist."""

    def file_versions(self) -> dict[str, str]:
        """Return the version of each file here by name; a version changes whenever the file changes."""

    def file_versions_by_child(self, first: str, last: str) -> dict[str, dict[str, str]]:
        """Return `file_versions` of each place inside this one whose name is from `first` to `last`, by that name."""

    def fetch(self, name: str, folder: Path) -> Path:
        """Return the path of a file on this machine; a remote file is downloaded to `folder`.

        Raises DataError when it is gone, is too large, or cannot be downloaded completely, and SetupError when the
        server does not answer.
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
        """Return the same as `Location.file_versions_by_child`, in one request per 1000 files from `first` on."""
        versions: dict[str, dict[str, str]] = {}
        shortly_before = f"{self.prefix}/{first[:-1]}"  # SeaweedFS skips the contents of the folder it starts after
        for key, version in self._list_keys(StartAfter=shortly_before):
            child, _, name = key.partition("/")
            if child > last:
                break
            if child >= first and name and "/" not in name:
                versions.setdefault(child, {})[name] = version
        return versions

    def _list_keys(self, **options: str) -> Iterator[tuple[str, str]]:
        """Yield each key below the prefix and its ETag, in the order of keys."""
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
        raise DataError(f"{self}/{name} was incomplete in {_TRIES} downloads ({fault}); run this night again later")

    def put(self, name: str, content: bytes) -> None:
        with translate_errors(self):
            s3_client().put_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}", Body=content)

    def _download(self, name: str, target: Path) -> Path:
        """Download the object to `target` and return it; botocore raises when fewer bytes come than its length says."""
        with translate_errors(self, name):
            response = s3_client().get_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}".lstrip("/"))
        _check_size(f"{self}/{name}", response["ContentLength"])
        with target.open("wb") as file:
            file.writelines(response["Body"].iter_chunks(_CHUNK))
        return target


@contextmanager
def translate_errors(location: Location, name: str = "") -> Iterator[None]:
    """Raise SetupError in place of boto3's errors when a bucket is down, busy or denies access.

    Raises DataError when there is no object `name`.
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
            f"expected the bucket to answer at {location}, but: {error}. Start it, or correct its address "
            "(RATCHET_LANDING) and the AWS_... variables, and run this again: a file is stored completely or not at all"
        ) from None


def _file_version(path: Path) -> str:
    """Return the size and modification time of a file; an empty text when it is not a regular file or is gone."""
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
    """Return the S3 client of this process; boto3 retries transient errors."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    config = Config(retries=retries, connect_timeout=_CONNECT_SECONDS, read_timeout=_ANSWER_SECONDS)
    return boto3.client("s3", config=config)
