"""Set-up refuses in one sentence what the machine does not offer, and keeps what is already there."""

import errno
import json
import shutil
import socket
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from include import ports
from include.platform.local import environment, setup
from include.settings import Settings
from ml.errors import SetupError

Usage = namedtuple("Usage", "total used free")


def test_a_port_that_is_taken_is_named_with_the_variable_that_changes_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SetupError, match=rf"port {port} on 127.0.0.1 .*RATCHET_AIRFLOW_PORT"):
            ports.check_port("127.0.0.1", port, "RATCHET_AIRFLOW_PORT")


def test_a_free_port_is_let_through() -> None:
    ports.check_port("127.0.0.1", ports.free_port("127.0.0.1"), "RATCHET_AIRFLOW_PORT")


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_that_airflow_was_not_built_for_is_refused(version: tuple[int, int]) -> None:
    with pytest.raises(SetupError, match=f"expected Python 3.11 to 3.13, got {version[0]}.{version[1]}"):
        setup.check_python(version)


def test_too_little_room_is_refused_and_the_volume_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(SetupError, match=f"500 MB free on the volume {setup.mount_point(tmp_path)}, found 1 MB"):
        setup.check_free_space(tmp_path)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the volume / is full|the volume .* is full"),
        (errno.EACCES, "cannot be written .*RATCHET_HOME"),
        (errno.EROFS, "cannot be written .*RATCHET_HOME"),
    ],
    ids=["full", "no permission", "read-only"],
)
def test_what_the_volume_refuses_is_told_in_a_sentence(settings: Settings, number: int, sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence), setup.explain_os_errors(settings):
        raise OSError(number, "refused", str(settings.home / "lake"))


def test_another_fault_is_not_explained_away(settings: Settings) -> None:
    with pytest.raises(IsADirectoryError), setup.explain_os_errors(settings):
        raise OSError(errno.EISDIR, "is a folder", "x")


def test_secrets_are_their_owners_alone_and_made_once(settings: Settings) -> None:
    setup.make_folders(settings)
    first = setup.generate_secrets(settings)
    kept = {path.name: path.read_bytes() for path in settings.secrets.iterdir()}
    assert setup.generate_secrets(settings) == first
    assert {path.name: path.read_bytes() for path in settings.secrets.iterdir()} == kept
    assert set(kept) == {"approval.key", "package.key", "routing.key", "passwords.json", "airflow.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.secrets.iterdir()} == {0o600}
    assert stat.S_IMODE(settings.secrets.stat().st_mode) == 0o700
    assert len(list(settings.trusted_keys.glob("*.pem"))) == len(list(settings.trusted_keys.glob("routing/*.pem"))) == 1


def test_every_demo_user_has_a_password_of_its_own(settings: Settings) -> None:
    setup.make_folders(settings)
    setup.generate_secrets(settings)
    passwords = json.loads(environment.passwords_file(settings).read_text())
    assert set(passwords) == set(environment.USERS)
    assert len(set(passwords.values())) == len(passwords)


def test_a_linux_without_openmp_is_told_what_to_install() -> None:
    with pytest.raises(SetupError, match=r"expected the OpenMP runtime libnone\.so\.1, .* apt-get install libgomp1"):
        setup.check_openmp("libnone.so.1")
