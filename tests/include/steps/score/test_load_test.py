"""Entities of a snapshot are asked about at a given rate, and every request is told of."""

import pytest

from include import ports
from include.settings import Settings
from include.steps.score import load_test
from ml.errors import RequestError
from ml.usecase import UseCase
from tests import served


@pytest.mark.servers
def test_every_entity_is_asked_about_once_at_the_rate(home: Settings, taxi: UseCase) -> None:
    served.routed(home, served.packaged(home))
    served.shelved(home)
    with served.running(home) as server:
        reported = load_test.run(taxi.name, f"http://127.0.0.1:{server.port}", rate=40)
    assert reported.statuses == {200: 40}
    assert 0.9 < reported.seconds < 3
    assert 0 < reported.p50_ms <= reported.p99_ms
    assert str(reported).startswith("40 x 200 in ")


def test_a_server_that_is_away_is_no_answer(home: Settings, taxi: UseCase) -> None:
    served.shelved(home)
    reported = load_test.run(taxi.name, f"http://127.0.0.1:{ports.free_port('127.0.0.1')}", rate=1000, limit=3)
    assert reported.statuses == {0: 3}
    assert "3 x no answer" in str(reported)


def test_a_rate_is_above_nothing(home: Settings, taxi: UseCase) -> None:
    with pytest.raises(RequestError, match="expected a rate above 0"):
        load_test.run(taxi.name, "http://127.0.0.1:1", rate=0)
