"""Where things are comes from the environment, once."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from include.serving.config import ServingConfig
from include.settings import PROJECT, Settings, load_settings
from ml.errors import SetupError


@pytest.fixture(autouse=True)
def fresh() -> None:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_everything_rests_under_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    found = load_settings()
    places = (
        Path(found.landing),
        Path(found.lake),
        found.packages,
        found.trusted_keys,
        found.feature_store,
        found.reports,
        found.secrets,
        found.airflow_home,
    )
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert str(tmp_path) in found.warehouse_url
    assert str(tmp_path) in found.mlflow_url


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        pytest.param("RATCHET_LAKE", "/elsewhere", "lake", "/elsewhere", id="a folder"),
        pytest.param("RATCHET_FEATURE_STORE", "/shelf", "feature_store", Path("/shelf"), id="another folder"),
        pytest.param("RATCHET_ONLINE_STORE_URL", "redis://r", "online_store_url", "redis://r", id="a server"),
        pytest.param("RATCHET_WAREHOUSE_URL", "postgresql://w", "warehouse_url", "postgresql://w", id="an address"),
        pytest.param("RATCHET_AIRFLOW_PORT", "9999", "airflow_port", 9999, id="a port"),
        pytest.param("RATCHET_THREADS", "1", "threads", 1, id="a count"),
    ],
)
def test_each_has_a_variable_of_its_own(
    name: str, value: str, field: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), field) == expected


def test_a_port_that_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_AIRFLOW_PORT", "http")
    with pytest.raises(SetupError, match="RATCHET_AIRFLOW_PORT.*whole number.*'http'"):
        load_settings()


def test_a_value_may_stand_in_a_file_and_the_variable_itself_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("postgresql://in-a-file\n")
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL_FILE", str(tmp_path / "url"))
    assert load_settings().warehouse_url == "postgresql://in-a-file"
    load_settings.cache_clear()
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL", "postgresql://said")
    assert load_settings().warehouse_url == "postgresql://said"


def test_a_file_that_is_not_there_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL_FILE", "/nowhere")
    with pytest.raises(SetupError, match="named by RATCHET_WAREHOUSE_URL_FILE, but: .*'/nowhere'"):
        load_settings()


def test_the_example_names_every_setting_and_nothing_that_nobody_reads() -> None:
    example = (PROJECT / ".env.example").read_text()
    named = set(re.findall(r"^#(RATCHET_[A-Z_]+)=", example, re.MULTILINE))
    read = {f"RATCHET_{field.name.upper()}" for field in fields(Settings)}
    said = "".join(
        path.read_text() for ring in ("include", "plugins", "tests/stack") for path in (PROJECT / ring).rglob("*.py")
    )
    said += (PROJECT / "docker-compose.yml").read_text()
    limits = {f"RATCHET_SERVING_{field.name.upper()}" for field in fields(ServingConfig)}
    assert read <= named
    assert {name for name in named - read - limits if name not in said} == set()


def test_the_example_names_every_variable_of_the_stack() -> None:
    asked = set(re.findall(r"\$\{(RATCHET_[A-Z0-9_]+)", (PROJECT / "docker-compose.yml").read_text()))
    built = {"RATCHET_COMMIT", "RATCHET_CODE"}
    example = (PROJECT / ".env.example").read_text()
    assert {name for name in asked - built if f"#{name}=" not in example} == set()
