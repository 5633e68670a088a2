"""A server without a use case serves the one package in a folder, if the trusted key signed it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from include.serving import child_server, model_folder
from include.serving.config import ServingConfig
from include.settings import Settings
from include.stores.signing import dsse
from ml.errors import PackageError, SetupError
from tests import served


def config(settings: Settings, **fields: str) -> ServingConfig:
    return ServingConfig(**{"model_folder": str(settings.packages), **fields})  # type: ignore[arg-type]


def key_of(settings: Settings) -> str:
    (path,) = settings.trusted_keys.glob("*.pem")
    return path.read_text()


def another_key(settings: Settings, folder: Path) -> str:
    """Return a public key in PEM with which nothing was signed."""
    other = replace(settings, secrets=folder / "secrets", trusted_keys=folder / "keys")
    other.secrets.mkdir()
    dsse.create_key(dsse.PACKAGES, other)
    return key_of(other)


def test_the_package_of_the_folder_is_served_with_its_use_case(home: Settings) -> None:
    digest = served.packaged(home)
    (home.packages / "lost+found").mkdir()
    use_case, settings, serving = model_folder.configure(home, config(home))
    assert (use_case, settings.packages, serving.package) == (served.USE_CASE, home.packages, digest)
    assert settings.trusted_keys == home.trusted_keys


def test_a_key_of_the_environment_is_trusted_in_place_of_those_in_the_folder(home: Settings, tmp_path: Path) -> None:
    served.packaged(home)
    key = key_of(home)
    shutil.rmtree(home.trusted_keys)
    _, settings, _ = model_folder.configure(home, config(home, trusted_key=key))
    assert [path.read_text() for path in settings.trusted_keys.glob("*.pem")] == [key]


def test_a_package_that_another_key_signed_is_refused(home: Settings, tmp_path: Path) -> None:
    served.packaged(home)
    key = another_key(home, tmp_path)
    with pytest.raises(PackageError, match="is signed by the key"):
        model_folder.configure(home, config(home, trusted_key=key))


@pytest.mark.parametrize(
    ("candidates", "reported"),
    [
        pytest.param((), "expected one package in .*, got none", id="no package"),
        pytest.param(("trees", "logistic"), "expected one package in .*, got [0-9a-f]{64}, [0-9a-f]{64}", id="two"),
    ],
)
def test_the_folder_must_have_one_package(candidates: tuple[str, ...], reported: str, home: Settings) -> None:
    for each in candidates:
        served.packaged(home, each)
    with pytest.raises(SetupError, match=reported):
        model_folder.configure(home, config(home))


def test_a_key_that_is_none_is_refused_by_name(home: Settings) -> None:
    served.packaged(home)
    with pytest.raises(SetupError, match="expected RATCHET_SERVING_TRUSTED_KEY to be a public key in PEM, got 'MFkw'"):
        model_folder.configure(home, config(home, trusted_key="MFkw"))


@pytest.mark.servers
def test_a_server_of_a_damaged_package_ends_with_the_reason(home: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    digest = served.packaged(home)
    learner = home.packages / digest / "learner.txt"
    learner.write_bytes(learner.read_bytes().replace(b"1", b"2", 1))
    with (
        pytest.raises(SetupError, match="ended with code 1"),
        child_server.run_server("serve", home, model_folder=home.packages),
    ):
        pass
    assert "'learner.txt' should have SHA-256" in capfd.readouterr().err
