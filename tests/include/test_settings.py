"""Where things are comes from the environment, once."""

from pathlib import Path

import pytest

from include import settings
from ml.errors import SetupError


@pytest.fixture(autouse=True)
def fresh() -> None:
    settings.load.cache_clear()
    yield
    settings.load.cache_clear()


def test_everything_rests_under_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    found = settings.load()
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
    assert getattr(settings.load(), field) == expected


def test_a_port_that_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_AIRFLOW_PORT", "http")
    with pytest.raises(SetupError, match="RATCHET_AIRFLOW_PORT.*whole number.*'http'"):
        settings.load()
