"""Who answers is the same whenever an entity comes, and a larger share has everybody that a smaller one had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import RequestError
from ml.rollout import routing
from ml.rollout.routing import Route, Routing

ENTITIES = [f"ride-{number}" for number in range(20_000)]


def canary(share: float, release: str = "r1") -> Routing:
    return Routing(use_case="taxi", seq=1, champion="c", challenger="n", canary=share, release=release)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_who_has_a_small_share_has_every_larger_one(entity: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if canary(small).route(entity) is Route.CANARY:
        assert canary(large).route(entity) is Route.CANARY


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_a_share_is_that_of_the_entities(share: float) -> None:
    result = sum(canary(share).route(entity) is Route.CANARY for entity in ENTITIES) / len(ENTITIES)
    assert result == pytest.approx(share, abs=4 * (share * (1 - share) / len(ENTITIES)) ** 0.5)


def test_all_and_nothing_are_exact() -> None:
    assert {canary(1.0).route(entity) for entity in ENTITIES} == {Route.CANARY}
    assert {canary(0.0).route(entity) for entity in ENTITIES} == {Route.CHAMPION}


def test_another_release_deals_the_entities_anew() -> None:
    first, second = (canary(0.5, release) for release in ("r1", "r2"))
    same = sum(first.route(entity) is second.route(entity) for entity in ENTITIES) / len(ENTITIES)
    assert same == pytest.approx(0.5, abs=0.02)


def test_what_is_told_is_read_back() -> None:
    wanted = Routing(use_case="taxi", seq=7, champion="c", challenger="n", standby="o", shadow=True, release="r")
    assert routing.from_json(wanted.to_json()) == wanted
    assert wanted.packages == ("c", "n", "o")
    assert wanted.without_challenger.packages == ("c", "o")


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        pytest.param({"canary": 1.5, "challenger": "n"}, "a share of the entities between 0 and 1, got 1.5", id="a share above 1"),
        pytest.param({"canary": 0.1}, "name its package", id="a canary of nobody"),
        pytest.param({"shadow": True}, "name its package", id="a shadow of nobody"),
    ],
)  # fmt: skip
def test_a_routing_that_cannot_be_is_refused(changes: dict[str, object], reported: str) -> None:
    with pytest.raises(RequestError, match=reported):
        Routing(use_case="taxi", seq=1, champion="c", **changes)


def test_something_else_is_no_routing() -> None:
    with pytest.raises(RequestError, match="expected a routing, got"):
        routing.from_json({"champion": "c", "shape": "round"})
