"""A night on which the gate could judge, for tests of decisions soon after the champion's training."""

import pytest

from include.steps.train import candidates
from tests.include.steps.adoption.conftest import adopt, declare

__all__ = ["adopt", "declare"]


@pytest.fixture
def judgeable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate could judge a challenger, however few nights the champion has not used."""
    monkeypatch.setattr(candidates, "gate_refusal", lambda *_: "")
