"""A wheel as bytes: the same files, the same bytes, whenever and wherever it is built."""

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can say
_MODE = 0o644 << 16
_SHORT = 12
_NIGHT = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A distribution of one pure Python package `module`, and what it says of itself."""

    module: str
    version: str
    summary: str
    description: str
    files: Mapping[str, bytes]

    @property
    def filename(self) -> str:
        """Return what installers must find it under."""
        return f"{self.module}-{self.version}-py3-none-any.whl"

    def packed(self) -> bytes:
        """Return the bytes of the wheel, whose `files` lie in the folder of the module.

        They are not compressed: another release of a compressor would write other bytes.
        """
        about = f"{self.module}-{self.version}.dist-info"
        placed = {f"{self.module}/{name}": content for name, content in self.files.items()}
        placed |= {f"{about}/METADATA": self._metadata(), f"{about}/WHEEL": _tags()}
        placed[f"{about}/RECORD"] = _record(placed, f"{about}/RECORD")
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(placed):
                entry = zipfile.ZipInfo(name, _EARLIEST)
                entry.external_attr, entry.create_system = _MODE, 3
                archive.writestr(entry, placed[name])
        return written.getvalue()

    def _metadata(self) -> bytes:
        told = {
            "Metadata-Version": "2.1",
            "Name": self.module.replace("_", "-"),
            "Version": self.version,
            "Summary": self.summary,
            "Requires-Python": ">=3.11",
            "Requires-Dist": "numpy>=2",
            "Description-Content-Type": "text/markdown",
        }
        return ("".join(f"{name}: {value}\n" for name, value in told.items()) + f"\n{self.description}").encode()


def version(digest: str, facts: Mapping[str, object]) -> str:
    """Return the version (PEP 440) of a package: the night that it was trained as of, then the beginning of its digest."""
    night = _NIGHT.fullmatch(str(facts.get("night")))
    release = ".".join(str(int(each)) for each in night.groups()) if night else "0"
    return f"{release}+d{digest[:_SHORT]}"


def _tags() -> bytes:
    return b"Wheel-Version: 1.0\nGenerator: ratchet\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _record(placed: Mapping[str, bytes], itself: str) -> bytes:
    """Return the list of all files with their hashes and sizes, which cannot have its own."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerows((name, f"sha256={_hash(placed[name])}", len(placed[name])) for name in sorted(placed))
    rows.writerow((itself, "", ""))
    return written.getvalue().encode()


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
