import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import PROJECT, Settings
from include.stores import packages
from include.stores.signing import model_signing
from ml.errors import PackageError


def package(**contents: bytes) -> tuple[str, dict[str, bytes]]:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = json.dumps({"files": hashes}).encode()
    return hashlib.sha256(manifest).hexdigest(), {"manifest.json": manifest, **contents}


DIGEST, FILES = package(model=b"trees", encoder=b"levels")


def test_a_package_is_read_back_byte_for_byte(home: Settings) -> None:
    files = model_signing.sign(DIGEST, FILES, home)
    packages.put(home.packages, DIGEST, files)
    assert packages.get(home.packages, DIGEST, home.trusted_keys) == files


def test_a_package_that_nobody_signed_can_be_stored_and_is_never_read(home: Settings) -> None:
    packages.put(home.packages, DIGEST, FILES)
    with pytest.raises(PackageError, match="has no model.sig: it is not signed"):
        packages.get(home.packages, DIGEST, home.trusted_keys)


def test_the_same_package_twice_is_one_folder(tmp_path: Path) -> None:
    assert packages.put(tmp_path, DIGEST, FILES) == packages.put(tmp_path, DIGEST, FILES)
    assert [path.name for path in tmp_path.iterdir()] == [DIGEST]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no manifest.json"),
        (FILES | {"model": b"tree"}, r"'model' should have SHA-256 \w{64}, but has \w{64} \(4 bytes\)"),
        ({name: content for name, content in FILES.items() if name != "model"}, "lacks 'model'"),
        (FILES | {"virus": b"!"}, "has 'virus', which its manifest does not list"),
        (FILES | {"manifest.json": b"{}"}, "'manifest.json' should have SHA-256"),
    ],
    ids=["empty", "changed", "missing", "extra", "manifest"],
)
def test_bytes_that_are_not_the_package_are_never_stored(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        packages.put(tmp_path, DIGEST, files)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b'{"files": 3}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(manifest: bytes) -> None:
    with pytest.raises(PackageError, match=r"manifest.json should be"):
        packages.check(hashlib.sha256(manifest).hexdigest(), {"manifest.json": manifest})


@pytest.mark.parametrize("name", ["../escape", "a/b", ".hidden"])
def test_a_package_is_one_flat_folder(tmp_path: Path, name: str) -> None:
    digest, files = package(**{name: b"x"})
    with pytest.raises(PackageError, match="a package is one flat folder"):
        packages.put(tmp_path, digest, files)


@pytest.mark.parametrize("damage", [b"tree", b"treeS", b""], ids=["cut", "changed", "emptied"])
def test_a_damaged_file_is_refused_when_read(tmp_path: Path, damage: bytes) -> None:
    (packages.put(tmp_path, DIGEST, FILES) / "model").write_bytes(damage)
    with pytest.raises(PackageError, match="it was truncated or changed"):
        packages.get(tmp_path, DIGEST, tmp_path)
    with pytest.raises(PackageError, match="it was truncated or changed"):
        packages.put(tmp_path, DIGEST, FILES)


def test_a_package_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=f"expected the package {DIGEST} in"):
        packages.get(tmp_path, DIGEST, tmp_path)


KILLED = """
import json, os, signal, sys
from pathlib import Path
from include.stores import packages
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(*{"write": (packages, "_write"), "rename": (Path, "rename")}[sys.argv[1]], killed)
files = {name: text.encode() for name, text in json.loads(sys.argv[4]).items()}
packages.put(Path(sys.argv[2]), sys.argv[3], files)
"""


@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_kill_leaves_no_package_and_the_next_run_makes_it(tmp_path: Path, moment: str) -> None:
    texts = json.dumps({name: content.decode() for name, content in FILES.items()})
    command = [sys.executable, "-c", KILLED, moment, str(tmp_path), DIGEST, texts]
    assert subprocess.run(command, check=False, cwd=PROJECT).returncode == -signal.SIGKILL
    with pytest.raises(PackageError, match="not there"):
        packages.get(tmp_path, DIGEST, tmp_path)
    place = packages.put(tmp_path, DIGEST, FILES)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == FILES


def test_whoever_loses_the_race_finds_the_winners_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def lose(draft: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        packages.put(tmp_path, DIGEST, FILES)
        return rename(draft, target)

    monkeypatch.setattr(Path, "rename", lose)
    packages.put(tmp_path, DIGEST, FILES)
    assert [path.name for path in tmp_path.iterdir()] == [DIGEST]
