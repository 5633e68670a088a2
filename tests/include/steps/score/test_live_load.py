"""The load test of a live model: through a real server, at each entity's cutoff, to champion, canary and shadow."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pandas as pd
import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli.main import app
from include.serving import child_server
from include.settings import Settings
from include.steps import release, release_state
from include.steps.context import StepContext
from include.steps.features import snapshot_archive
from include.steps.ingest import intraday
from include.steps.release import canary
from include.steps.score import live_traffic, load_test, prediction_log
from include.stores import lake, snapshot_store
from ml.errors import RequestError, SetupError
from ml.rollout.routing import Route
from ml.usecase import Canary, Release, UseCase
from tests.challenger import challenge
from tests.include.conftest import FOLLOWING, LIVE_NIGHT
from tests.waiting import eventually

pytestmark = pytest.mark.servers
MODEL, RATE = "taxi-live", 500.0
PEOPLE = {"tech_lead": "tess", "business_owner": "bob"}
RULE = Canary(shares=(0.5, 1.0), min_requests=(20, 40), min_shadow_rows=50, min_nights=0)


@pytest.fixture
def context(live_home: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> StepContext:
    """The live model of the toy in a home with two champions, where releases take a canary."""
    careful = replace(taxi, release=Release(approvers=tuple(PEOPLE), canary=RULE))
    monkeypatch.setattr(usecases, "get", lambda name: careful if name == careful.name else careful.at("live"))
    return StepContext(case=careful.at("live"), settings=live_home)


@pytest.fixture
def address(context: StepContext) -> Iterator[str]:
    """The address of a server of both horizons."""
    with child_server.run_server(context.case.dataset, context.settings) as server:
        yield server.address


def logged(context: StepContext) -> "pd.DataFrame":
    """Return all logged predictions of the live model, the copies for the shadow included."""
    prediction_log.collect(MODEL)
    return lake.read(prediction_log.address(context, prediction_log.REST))


def follow(address: str, share: float) -> None:
    """Wait until the server's live model has a challenger with the share."""
    expected = f'ratchet_canary_share{{model="{MODEL}"}} {share}'
    with httpx.Client(trust_env=False) as client:
        eventually(lambda: expected in client.get(f"{address}/metrics").text or None)


def test_a_replayed_night_reaches_champion_canary_and_shadow_of_the_live_model_and_each_answer_is_logged(
    context: StepContext, address: str
) -> None:
    cutoffs = live_traffic.cutoffs(context.at(date.fromisoformat(LIVE_NIGHT)))
    digest = challenge(context.case, LIVE_NIGHT, context.settings)
    release.shadow(MODEL, LIVE_NIGHT)
    eventually(lambda: 'role="challenger"' in metrics(address) or None)
    moments: list[str] = []
    result = load_test.run(MODEL, address, RATE, night=LIVE_NIGHT, show=moments.append)
    assert result.statuses == {200: len(cutoffs)}
    assert result.answered == {("live", Route.CHAMPION): len(cutoffs)}
    assert [each.entity for each in result.responses] == list(cutoffs.index)
    assert len(moments) == len(list(live_traffic.due_by_moment(cutoffs, 2)))
    assert result.in_server is not None
    assert 0 < result.in_server.p50_ms <= result.in_server.p99_ms
    rows = eventually(lambda: rows if len(rows := logged(context)) == 2 * len(cutoffs) else None)
    assert set(rows[rows["route"] == Route.SHADOW]["entity"]) == set(cutoffs.index)
    assert set(rows[rows["route"] == Route.SHADOW]["package"]) == {digest}

    assert canary.advance(MODEL, FOLLOWING) == "request_approvals"
    for role, user in PEOPLE.items():
        release.approve(MODEL, LIVE_NIGHT, role, user, "Approve")
    release.shift_traffic(MODEL, LIVE_NIGHT)
    follow(address, 0.5)
    routing = release_state.current(context).routing
    assert routing is not None
    routes = {entity: routing.route(entity) for entity in cutoffs.index}
    assert 15 < sum(each is Route.CANARY for each in routes.values()) < 45
    for _ in range(2):
        result = load_test.run(MODEL, address, RATE, night=LIVE_NIGHT)
        assert {each.entity: each.route for each in result.responses} == routes
        assert result.answered == Counter(("live", str(route)) for route in routes.values())
    rows = eventually(lambda: rows if len(rows := logged(context)) == 6 * len(cutoffs) else None)
    by_canary = rows[rows["route"] == Route.CANARY]
    assert set(by_canary["package"]) == {digest}
    assert by_canary["entity"].value_counts().to_dict() == {
        entity: 2 for entity, route in routes.items() if route is Route.CANARY
    }


def metrics(address: str) -> str:
    return httpx.get(f"{address}/metrics", trust_env=False).text


def test_without_a_night_the_entities_of_the_newest_snapshot_that_a_live_answer_is_possible_for_are_requested(
    context: StepContext, address: str
) -> None:
    cutoffs, moment = (
        live_traffic.cutoffs(context.at(date.fromisoformat(LIVE_NIGHT))),
        datetime(2024, 3, 17, 12, 15, tzinfo=UTC),
    )
    intraday.refresh("taxi", moment)
    between = cutoffs[(cutoffs <= moment) & (moment < cutoffs + pd.Timedelta(hours=2))]
    with httpx.Client(base_url=address, trust_env=False) as client:
        live_traffic.wait_for_snapshot(client, MODEL, moment)
    result = load_test.run(MODEL, address, RATE)
    assert sorted(each.entity for each in result.responses) == sorted(between.index)
    assert result.answered == {("live", Route.CHAMPION): len(between)}


def refused(reported: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises((RequestError, SetupError), match=reported):
        load_test.run(*arguments, rate=RATE, **options)


def test_a_night_that_servers_would_go_back_from_is_not_replayed(context: StepContext, address: str) -> None:
    folder = snapshot_archive.folder(context)
    refused("expected a model of a live horizon.*: name taxi-live, or", "taxi", address, night=LIVE_NIGHT)
    refused("expected a night that is over, got 2024-03-18", MODEL, address, night=FOLLOWING)
    refused("expected a night of taxi that has landed, got 2024-03-19", MODEL, address, night="2024-03-19")
    refused("expected a model server at http://127.0.0.1:1", MODEL, "http://127.0.0.1:1", night=LIVE_NIGHT)
    intraday.refresh("taxi", datetime(2024, 3, 18, 12, tzinfo=UTC))
    before = snapshot_store.nights(folder)
    refused("a replay of 2024-03-17 would take them back", MODEL, address, night=LIVE_NIGHT)
    assert snapshot_store.nights(folder) == before


def test_the_command_reports_answers_by_horizon_and_refusals_by_reason(context: StepContext, address: str) -> None:
    result = CliRunner().invoke(app, ["loadtest", MODEL, "--to", address, "--night", LIVE_NIGHT, "--limit", "3"])
    assert result.exit_code == 0, result.output
    assert "3 x 200 in " in result.output
    assert "3 answered by the champion of the horizon live" in result.output
