"""Settings whose home is the test's own folder, and ports that nobody else holds."""

from pathlib import Path

import pytest

from include import ports
from include.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an embedded stack whose home is the test's own folder."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))
    for service in ("AIRFLOW", "MLFLOW", "SERVING"):
        monkeypatch.setenv(f"RATCHET_{service}_PORT", str(ports.free_port("127.0.0.1")))
    return load_settings.__wrapped__()
