"""Entities of a snapshot are asked about at a given rate, and every request is told of."""

import httpx
import pytest

from include import ports
from include.settings import Settings
from include.steps.score import load_test
from include.steps.score.load_test import Percentiles, Response
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
    assert reported.seconds > 0.9
    assert 0 < reported.round_trip.p50_ms <= reported.round_trip.p99_ms
    assert reported.in_server is not None
    assert reported.in_server.p50_ms <= reported.round_trip.p99_ms
    assert reported.answered == {("night", "champion"): 40}
    assert str(reported).startswith("40 x 200 in ")
    assert "40 answered by the champion of the horizon night" in str(reported)


def test_a_server_that_is_away_is_no_answer(home: Settings, taxi: UseCase) -> None:
    served.shelved(home)
    reported = load_test.run(taxi.name, f"http://127.0.0.1:{ports.free_port('127.0.0.1')}", rate=1000, limit=3)
    assert reported.statuses == {0: 3}
    assert "3 x no answer" in str(reported)


def test_answers_are_counted_by_horizon_and_route_and_refusals_by_reason() -> None:
    late = "expected an entity whose event is to come, got 'ride-{0}': its event was due at 2024-03-17 0{0}:00 UTC"
    responses = (
        *(response(n, 200, horizon="live", route="canary" if n else "champion") for n in range(3)),
        response(3, 200, horizon="night", route="champion", reason="no live snapshot has it"),
        *(response(n, 410, reason=late.format(n)) for n in (4, 5)),
        response(6, 0),
    )
    reported = load_test.LoadTestResult(
        responses=responses, seconds=2.0, round_trip=Percentiles(p50_ms=1.0, p99_ms=2.0), in_server=None
    )
    assert reported.statuses == {200: 4, 410: 2, 0: 1}
    assert reported.answered == {("live", "canary"): 2, ("live", "champion"): 1, ("night", "champion"): 1}
    assert str(reported).splitlines() == [
        "1 x no answer, 4 x 200, 2 x 410 in 2.0 s; p50 1.00 ms, p99 2.00 ms; the prediction log here has no answer",
        "2 answered by the canary of the horizon live",
        "1 answered by the champion of the horizon live",
        "1 answered by the champion of the horizon night",
        "1 answered by the model of the night, such as ride-3: no live snapshot has it",
        f"2 x 410, such as ride-4: {late.format(4)}",
    ]


def response(number: int, status: int, **fields: str) -> Response:
    return Response(entity=f"ride-{number}", status=status, seconds=0.001, **fields)  # type: ignore[arg-type]


def test_another_program_on_the_port_is_counted_by_status_only() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="It works!"))
    with httpx.Client(transport=transport) as client:
        assert load_test._content(client.get("http://127.0.0.1/")) == {}


def test_a_rate_is_above_nothing(home: Settings, taxi: UseCase) -> None:
    with pytest.raises(RequestError, match="expected a rate above 0"):
        load_test.run(taxi.name, "http://127.0.0.1:1", rate=0)
