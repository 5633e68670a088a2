"""A wheel keeps what installers hold it to, and is the same bytes whenever it is built."""

import base64
import csv
import hashlib
import io
import zipfile
from email import message_from_bytes

import pytest
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from ml.packaging.export import wheel
from ml.packaging.export.wheel import Wheel

BUILT = Wheel(
    module="ratchet_blue_taxi",
    version="2024.3.16+d0a1b2c3d4e5f",
    summary="A model.",
    description="# Taxi\n",
    files={"__init__.py": b"x = 1\n", "package/a,b.json": b"{}", "py.typed": b""},
)


def entries() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(BUILT.to_bytes())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_same_files_are_the_same_bytes() -> None:
    turned = dict(reversed(BUILT.files.items()))
    again = Wheel(
        module=BUILT.module, version=BUILT.version, summary=BUILT.summary, description=BUILT.description, files=turned
    )
    assert again.to_bytes() == BUILT.to_bytes()


def test_installers_can_read_what_it_is_called() -> None:
    name, version, _, tags = parse_wheel_filename(BUILT.filename)
    assert (name, str(version), {str(tag) for tag in tags}) == ("ratchet-blue-taxi", BUILT.version, {"py3-none-any"})


def test_the_record_has_every_file_with_its_hash_and_size() -> None:
    result = entries()
    (record,) = (name for name in result if name.endswith("/RECORD"))
    reported = {name: (hashed, size) for name, hashed, size in csv.reader(result[record].decode().splitlines())}
    assert reported.pop(record) == ("", "")
    expected = {}
    for name, content in result.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        expected[name] = (f"sha256={digest}", str(len(content)))
    expected.pop(record)
    assert reported == expected


def test_it_needs_numpy_and_nothing_else() -> None:
    (reported,) = (message_from_bytes(content) for name, content in entries().items() if name.endswith("/METADATA"))
    assert (reported["Name"], reported["Version"], reported.get_all("Requires-Dist")) == (
        "ratchet-blue-taxi",
        BUILT.version,
        ["numpy>=2"],
    )
    assert reported.get_payload() == "# Taxi\n"


def test_only_imports_from_our_package_are_relocated() -> None:
    text = 'from ml import errors\nfrom mlx import a\n\n\ndef late():\n    from ml.errors import DataError\n\n\nTEXT = "from ml"\n'
    assert wheel.relocate(text, "taxi._ml") == (
        'from taxi._ml import errors\nfrom mlx import a\n\n\ndef late():\n    from taxi._ml.errors import DataError\n\n\nTEXT = "from ml"\n'
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"night": "2024-03-16"}, "2024.3.16+d0123456789ab", id="a night"),
        pytest.param({}, "0+d0123456789ab", id="no night"),
        pytest.param({"night": "soon"}, "0+d0123456789ab", id="no date"),
    ],
)
def test_a_version_is_the_night_and_the_digest(facts: dict[str, object], expected: str) -> None:
    result = wheel.version("0123456789ab" + "f" * 52, facts)
    assert (result, str(Version(result))) == (expected, expected)
