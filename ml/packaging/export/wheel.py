"""Reproducible wheels: the same files give the same bytes, whenever and wherever the wheel is built."""

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store
_MODE = 0o644 << 16
_DIGEST_LENGTH = 12
_IMPORT = re.compile(r"^(\s*from )ml\b", re.MULTILINE)
_NIGHT = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A distribution of one pure Python package, `module`, and its metadata."""

    module: str
    version: str
    summary: str
    description: str
    files: Mapping[str, bytes]

    @property
    def filename(self) -> str:
        """Return the file name that installers expect (PEP 427)."""
        return f"{self.module}-{self.version}-py3-none-any.whl"

    def to_bytes(self) -> bytes:
        """Return the bytes of the wheel, with `files` in the folder of the module.

        The files are not compressed, because another release of a compressor could write other bytes.
        """
        dist_info = f"{self.module}-{self.version}.dist-info"
        entries = {f"{self.module}/{name}": content for name, content in self.files.items()}
        entries |= {f"{dist_info}/METADATA": self._metadata(), f"{dist_info}/WHEEL": _wheel_metadata()}
        entries[f"{dist_info}/RECORD"] = _record(entries, f"{dist_info}/RECORD")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(entries):
                zip_info = zipfile.ZipInfo(name, _ZIP_EPOCH)
                zip_info.external_attr, zip_info.create_system = _MODE, 3
                archive.writestr(zip_info, entries[name])
        return buffer.getvalue()

    def _metadata(self) -> bytes:
        headers = {
            "Metadata-Version": "2.1",
            "Name": self.module.replace("_", "-"),
            "Version": self.version,
            "Summary": self.summary,
            "Requires-Python": ">=3.11",
            "Requires-Dist": "numpy>=2",
            "Description-Content-Type": "text/markdown",
        }
        return ("".join(f"{name}: {value}\n" for name, value in headers.items()) + f"\n{self.description}").encode()


def version(digest: str, facts: Mapping[str, object]) -> str:
    """Return the version of a package (PEP 440): the night of its training, and the first 12 characters of its digest.

    >>> version("03af9c27b1e05d64", {"night": "2013-02-08"})
    '2013.2.8+d03af9c27b1e0'
    >>> version("03af9c27b1e05d64", {})
    '0+d03af9c27b1e0'
    """
    night = _NIGHT.fullmatch(str(facts.get("night")))
    release = ".".join(str(int(each)) for each in night.groups()) if night else "0"
    return f"{release}+d{digest[:_DIGEST_LENGTH]}"


def relocate(text: str, package: str) -> str:
    """Return the source with imports from `ml` replaced by imports from `package`.

    >>> relocate("from ml.errors import DataError", "flights_model")
    'from flights_model.errors import DataError'
    """
    return _IMPORT.sub(rf"\g<1>{package}", text)


def _wheel_metadata() -> bytes:
    return b"Wheel-Version: 1.0\nGenerator: ratchet\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _record(entries: Mapping[str, bytes], record_path: str) -> bytes:
    """Return the RECORD file: all files with hash and size, and itself without."""
    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerows((name, f"sha256={_hash(entries[name])}", len(entries[name])) for name in sorted(entries))
    rows.writerow((record_path, "", ""))
    return buffer.getvalue().encode()


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
