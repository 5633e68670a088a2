"""Places where files land: a folder or an S3 prefix, behind one interface."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from include import setting_values
from include.stores.files import atomic, entries, folders
from include.stores.files.entries import Entry
from ml.errors import DataError, FileError, SetupError

LARGEST_FILE = 2 * 1024**3
_TRIES, _CHUNK = 3, 4 * 1024**2
_NOT_FOUND_CODES = ("NoSuchKey", "404")
_UNREADABLE_CODES = ("AccessDenied", "403", "InvalidObjectState")
_CONNECT_SECONDS, _ANSWER_SECONDS, _ATTEMPTS = 5, 30, 5


class Location(Protocol):
    """A place that holds files by name."""

    def ensure_exists(self) -> None:
        """Create the place if it does not exist; a bucket must exist already."""

    def child(self, name: str) -> "Location":
        """Return the place `name` inside this one."""

    def names(self) -> list[str]:
        """Return the names of the regular files here, in no order; none if the place does not exist."""

    def file_versions(self) -> dict[str, str]:
        """Return the version of each regular file here by name; a version changes whenever the file changes."""

    def entries(self) -> dict[str, Entry]:
        """Return everything here by name: regular files, and what cannot be read as a file, with the reason.

        Raises FileError if this folder is a symbolic link or a file, and DataError if one above it, below the root, is:
        links are not followed.
        """

    def entries_by_child(self, first: str, last: str) -> dict[str, dict[str, Entry]]:
        """Return `entries` of each place inside this one whose name is from `first` to `last`, by that name."""

    def open(self, name: str, folder: Path) -> IO[bytes]:
        """Open a regular file; a remote file is downloaded to `folder` the first time.

        Raises FileError when it is not a regular file, cannot be read or is too large, DataError when it is gone or
        cannot be downloaded completely, and SetupError when the server does not answer.
        """

    def fetch(self, name: str, folder: Path) -> Path:
        """Return the path of a file on this machine; a remote file is downloaded to `folder`. Raises as `open` does."""

    def put(self, name: str, content: bytes) -> None:
        """Store a file in one step."""


def from_address(address: str) -> Location:
    """Return the place that `address` names: `s3://bucket/prefix`, or a folder; raises SetupError for other addresses."""
    setting_values.check_address("the address of files", address)
    parts = urlsplit(address)
    if parts.scheme == "s3":
        return Bucket(bucket=parts.netloc, prefix=parts.path.strip("/"))
    return Folder(Path(address))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine. Symbolic links below `root`, which is the folder itself by default, are not followed."""

    path: Path
    root: Path | None = None

    def __str__(self) -> str:
        return str(self.path)

    @property
    def _position(self) -> tuple[Path, tuple[str, ...]]:
        root = self.root or self.path
        return root, self.path.relative_to(root).parts

    def ensure_exists(self) -> None:
        folders.check(*self._position)
        self.path.mkdir(parents=True, exist_ok=True)

    def child(self, name: str) -> "Folder":
        return Folder(self.path / name, self.root or self.path)

    def names(self) -> list[str]:
        return list(self.file_versions())

    def file_versions(self) -> dict[str, str]:
        return _readable(self.entries())

    def entries(self) -> dict[str, Entry]:
        return folders.list_entries(*self._position)

    def entries_by_child(self, first: str, last: str) -> dict[str, dict[str, Entry]]:
        names = folders.list_folders(*self._position)
        return {name: self.child(name).entries() for name in names if first <= name <= last}

    def open(self, name: str, folder: Path) -> IO[bytes]:
        return folders.open_file(*self._position, name, LARGEST_FILE)

    def fetch(self, name: str, folder: Path) -> Path:
        self.open(name, folder).close()
        return self.path / name

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
        return _readable(self.entries())

    def entries(self) -> dict[str, Entry]:
        return entries.by_name((name, entry) for name, entry in self._list_keys(Delimiter="/") if name)

    def entries_by_child(self, first: str, last: str) -> dict[str, dict[str, Entry]]:
        """Return the same as `Location.entries_by_child`, in one request per 1000 files from `first` on."""
        listed: dict[str, dict[str, Entry]] = {}
        shortly_before = f"{self.prefix}/{first[:-1]}"  # SeaweedFS skips the contents of the folder it starts after
        for key, entry in self._list_keys(StartAfter=shortly_before):
            child, _, name = key.partition("/")
            if child > last:
                break
            if child >= first and name and "/" not in name:
                listed.setdefault(child, {})[name] = entry
        return {child: entries.by_name(named.items()) for child, named in listed.items()}

    def _list_keys(self, **options: str) -> Iterator[tuple[str, Entry]]:
        """Yield each key below the prefix in the order of keys, and each folder if there is a delimiter."""
        pages, prefix = s3_client().get_paginator("list_objects_v2"), f"{self.prefix}/"
        with translate_errors(self):
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **options):
                for each in page.get("Contents", []):
                    yield each["Key"].removeprefix(prefix), Entry(each["ETag"].strip('"'))
                for each in page.get("CommonPrefixes", []):
                    yield each["Prefix"].removeprefix(prefix).rstrip("/"), Entry("a folder", entries.FOLDER_FAULT)

    def open(self, name: str, folder: Path) -> IO[bytes]:
        target = folder / _download_name(name)
        return (target if target.exists() else self.fetch(name, folder)).open("rb")

    def fetch(self, name: str, folder: Path) -> Path:
        from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError

        fault: Exception | None = None
        for _ in range(_TRIES):
            try:
                return self._download(name, folder / _download_name(name))
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
        folders.check_size(f"{self}/{name}", response["ContentLength"], LARGEST_FILE)
        partial = target.with_name(f"{target.name}.part")
        with partial.open("wb") as file:
            file.writelines(response["Body"].iter_chunks(_CHUNK))
        return partial.replace(target)


@contextmanager
def translate_errors(location: Location, name: str = "") -> Iterator[None]:
    """Raise SetupError in place of boto3's errors when a bucket is down, busy or denies access.

    Raises DataError when there is no object `name`, and FileError when it must not be read or is archived.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if name and code in _UNREADABLE_CODES:
            raise FileError(f"expected an object that can be read, got {code}; correct it or land it again") from None
        if code in _NOT_FOUND_CODES:
            raise DataError(
                f"expected the object {location}/{name}, but it is gone; land it and run this night again"
            ) from None
        raise SetupError(
            f"expected the bucket to answer at {location}, but: {error}. Start it, or correct its address "
            "(RATCHET_LANDING) and the AWS_... variables, and run this again: a file is stored completely or not at all"
        ) from None


def _readable(listed: dict[str, Entry]) -> dict[str, str]:
    return {name: entry.version for name, entry in listed.items() if not entry.fault}


def _download_name(name: str) -> str:
    """Return a name for a downloaded file; a key may be longer than the name of a file can be."""
    return hashlib.sha256(name.encode()).hexdigest()


@cache
def s3_client() -> Any:
    """Return the S3 client of this process; boto3 retries transient errors."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    config = Config(retries=retries, connect_timeout=_CONNECT_SECONDS, read_timeout=_ANSWER_SECONDS)
    return boto3.client("s3", config=config)
