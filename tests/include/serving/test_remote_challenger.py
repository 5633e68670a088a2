"""A challenger in a server of its own, beside the champion's: two real processes."""

import socket

import httpx
import pytest

from include import ports
from include.serving import remote_challenger
from include.serving.child_server import wait_until
from include.serving.config import ServingConfig
from include.serving.remote_challenger import RemoteChallenger
from include.settings import Settings
from ml.errors import RequestError
from ml.rollout.routing import Route
from tests import served
from tests.served import ENTITIES, NAMES, Server

pytestmark = pytest.mark.servers
ROW = ENTITIES[list(NAMES)].astype(object).to_dict("records")[1]


def test_the_challenger_answers_from_where_it_is_and_the_champion_when_it_is_away(home: Settings) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, champion, challenger=challenger, canary=1.0, release="one")
    port = ports.free_port(home.host)
    address = f"http://{home.host}:{port}"
    with served.running(home, challenger=address) as front:

        def answered() -> tuple[object, object]:
            (result,) = front.ask("ride-1")
            return result["package"], result["route"]

        assert answered() == (champion, Route.CHAMPION)
        assert challenger[:12] in str(front.client.get("/readyz").json()["faults"])

        with served.running(home, port=port, package=challenger) as theirs:
            wait_until(lambda: answered() == (challenger, Route.CANARY), "the challenger to answer")
            assert front.ask("ride-1")[0]["score"] == served.model("logistic").predict_row(ROW)
            assert front.client.get("/readyz").json()["faults"] == []
            assert answers_of(theirs) >= 2
            many = [f"ride-{place}" for place in range(40)]
            assert {each["package"] for each in front.ask(*many)} == {challenger}

        assert answered() == (champion, Route.CHAMPION)
        with served.running(home, port=port, package=champion):
            assert answered() == (champion, Route.CHAMPION)


def answers_of(server: Server) -> int:
    """Return how many rows a server says that its packages answered."""
    page = server.client.get("/metrics").text
    counts = [line.rpartition(" ")[2] for line in page.splitlines() if line.startswith("ratchet_answers_total")]
    return round(sum(map(float, counts)))


@pytest.mark.parametrize(
    ("reply", "reported"),
    [
        (httpx.Response(500, text="broken"), "500"),
        (httpx.Response(200, text="<html>"), "JSON"),
        (httpx.Response(200, json={"answers": []}), "got 0 answers"),
        (httpx.Response(200, json={"answers": [{"score": 0.5, "package": "e" * 64}]}), "e" * 64),
        (httpx.Response(200, json={"answers": [{"score": None, "package": "d" * 64}]}), "float"),
    ],
    ids=["failing", "something else", "too few", "another package", "no number"],
)
def test_what_is_no_answer_of_the_challenger_is_refused(reply: httpx.Response, reported: str) -> None:
    with (
        httpx.Client(base_url="http://test", transport=httpx.MockTransport(lambda _: reply)) as client,
        pytest.raises(RequestError, match=f"challenger dddddddddddd.*{reported}"),
    ):
        RemoteChallenger("d" * 64, client).scores([ROW])


EXPLAINED = {"score": 0.5, "package": "d" * 64, "explanation": {"raw": 0.0, "calibration": {}, "unavailable": "why"}}


def test_explanations_may_take_longer_than_scores() -> None:
    allowed: list[float] = []

    def reply(request: httpx.Request) -> httpx.Response:
        allowed.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={"answers": [EXPLAINED]})

    transport = httpx.MockTransport(reply)
    with httpx.Client(base_url="http://test", transport=transport, timeout=0.5) as client:
        remote = RemoteChallenger("d" * 64, client, explain_seconds=7.0)
        assert remote.scores([ROW]) == [0.5]
        assert [each.unavailable for each in remote.explanations([ROW], 3)] == ["why"]
    assert allowed == [0.5, 7.0]


def test_a_challenger_of_an_earlier_release_does_not_explain_and_is_told() -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"answers": [{"score": 0.5, "package": "d" * 64}]})
    )
    with (
        httpx.Client(base_url="http://test", transport=transport) as client,
        pytest.raises(RequestError, match="challenger dddddddddddd.*got 0 explanations for 1 rows"),
    ):
        RemoteChallenger("d" * 64, client).explanations([ROW], 3)


def test_a_challenger_that_hangs_is_waited_for_no_longer_than_allowed(home: Settings) -> None:
    with socket.create_server((home.host, 0)) as deaf:
        limits = ServingConfig(challenger=f"http://{home.host}:{deaf.getsockname()[1]}", challenger_seconds=0.1)
        with pytest.raises(RequestError, match="Timeout"):
            RemoteChallenger("d" * 64, remote_challenger.connect(limits)).scores([ROW])
