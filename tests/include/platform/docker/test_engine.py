"""What is said when no engine answers, or one fails."""

import pytest

from include.platform.docker import engine
from ml.errors import SetupError


def test_no_engine_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(SetupError, match="expected a Docker engine to answer"):
        engine.connect()
