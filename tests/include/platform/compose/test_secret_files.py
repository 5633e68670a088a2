"""The stack's secrets: generated once, fitting each other, told to nobody but the folder's owner."""

import configparser
import json
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import make_url

from include.platform.compose import secret_files
from include.settings import read_settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stack") / "secrets"
    assert set(secret_files.fill(place)) == secret_files.NAMES
    return place


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_is_there_is_kept(folder: Path) -> None:
    before = contents(folder)
    assert secret_files.fill(folder) == []
    assert contents(folder) == before


def test_only_the_owner_of_the_folder_may_look(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_secrets_that_fit_each_other_are_made_anew_together(tmp_path: Path) -> None:
    secret_files.fill(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "redis").unlink()
    assert secret_files.fill(tmp_path) == ["online_store", "redis"]
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"online_store", "redis"}


def test_no_two_stacks_and_no_two_roles_share_a_password(folder: Path, tmp_path: Path) -> None:
    secret_files.fill(tmp_path / "other")
    passwords = [
        make_url(text).password
        for place in (folder, tmp_path / "other")
        for name, text in contents(place).items()
        if name in secret_files.ROLES
    ]
    assert len(set(passwords)) == len(passwords) == 2 * len(secret_files.ROLES)


def test_no_file_ends_with_a_line_break_which_airflow_would_take_for_a_part_of_it(folder: Path) -> None:
    assert [name for name, text in contents(folder).items() if text != text.strip()] == []
    assert [name for name, text in contents(folder).items() if not text] == [secret_files.NOTIFY_URLS]


def test_the_receivers_of_alerts_are_those_given_last(tmp_path: Path) -> None:
    secret_files.fill(tmp_path)
    assert secret_files.fill(tmp_path, "slack://token ntfy://me ") == ["notify_urls"]
    assert secret_files.fill(tmp_path) == []
    settings = read_settings({"RATCHET_NOTIFY_URLS_FILE": str(tmp_path / "notify_urls")})
    assert settings.notify_urls == ("slack://token", "ntfy://me")
    assert secret_files.fill(tmp_path, "") == ["notify_urls"]
    assert (tmp_path / "notify_urls").read_text() == ""


@pytest.mark.parametrize("role", secret_files.ROLES)
def test_a_role_comes_to_its_own_database(folder: Path, role: str) -> None:
    url = make_url((folder / role).read_text())
    assert (url.username, url.database, url.drivername) == (role, secret_files.ROLES[role], "postgresql+psycopg")


def test_each_server_and_its_clients_know_the_same_password(folder: Path) -> None:
    result = contents(folder)
    for server, client in (("redis", "online_store"), ("broker", "celery_broker")):
        assert result[server].splitlines()[0] == f"requirepass {make_url(result[client]).password}"
    auth = configparser.ConfigParser(interpolation=None)
    auth.read_string(result["mlflow_auth"])
    assert auth["mlflow"]["database_uri"] == result["mlflow"]
    identities = {each["name"]: each for each in json.loads(result["s3_identities"])["identities"]}
    for name in (secret_files.ADMIN, *secret_files.BUCKETS):
        shown = configparser.ConfigParser(interpolation=None)
        shown.read_string(result[name])
        (known,) = identities[name]["credentials"]
        assert dict(shown["default"]) == {
            "aws_access_key_id": known["accessKey"],
            "aws_secret_access_key": known["secretKey"],
        }


def test_tasks_may_not_touch_what_mlflow_keeps_in_s3(folder: Path) -> None:
    identities = {
        each["name"]: each["actions"] for each in json.loads((folder / "s3_identities").read_text())["identities"]
    }
    assert {action.split(":")[1] for action in identities["s3_tasks"]} == {"lake", "landing"}
    assert {action.split(":")[1] for action in identities["s3_mlflow"]} == {"mlflow"}
    assert identities["s3_sensor"] == ["List:landing"]


def test_keys_are_what_they_are_used_as(folder: Path) -> None:
    Fernet((folder / "airflow_fernet").read_bytes())
    load_pem_private_key((folder / "package.key").read_bytes(), password=None)
