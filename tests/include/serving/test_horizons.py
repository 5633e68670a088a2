"""One server answers with the model of each horizon: the one named, or the latest that the data has reached."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest

from include.serving import child_server
from include.serving.config import ServingConfig
from include.serving.horizons import Horizons
from include.settings import Settings
from include.stores import snapshot_store
from ml.errors import EventPassedError, NotReachedError, UnknownEntityError
from ml.features import snapshots
from tests import in_process, served, served_live
from tests.served_live import EARLY, HOURS, LEADS, LIVE, MOMENT, route
from tests.waiting import eventually


def publish(settings: Settings, model: str, moment: datetime = MOMENT, max_age_minutes: int = 60) -> None:
    """Publish a live snapshot of features of the night."""
    rows = served.ENTITIES.head(len(LEADS))
    served_live.publish(settings, model, moment, max_age_minutes, rows, served.PINNED)


def age(settings: Settings, model: str, minutes: float) -> None:
    """Let the newest snapshot have been published so many minutes earlier."""
    pointer = snapshot_store.folder_of(settings.feature_store, model) / "newest.json"
    refs = json.loads(pointer.read_text())
    refs[0]["published_at"] -= 60 * minutes
    pointer.write_text(json.dumps(refs))


@pytest.fixture
def packages(home: Settings) -> dict[str, str]:
    """The champion of each horizon, released and with features of the night; no live snapshot yet."""
    digests = {
        "taxi": served.packaged(home),
        LIVE: served.packaged(home, "logistic", use_case=LIVE),
        EARLY: served.packaged(home, "logistic", use_case=EARLY),
    }
    served.shelved(home)
    for model, digest in digests.items():
        route(home, model, digest)
    return digests


@pytest.fixture
def horizons(home: Settings, packages: dict[str, str]) -> Iterator[Horizons]:
    """The models of a server, in this process."""
    with in_process.probing():
        result = Horizons("taxi", home, ServingConfig())
        yield result
        result.close()


def chosen(horizons: Horizons, entity: str) -> str:
    return horizons.chooser().choose(entity).model.name


def test_the_latest_cutoff_that_the_data_has_reached_decides_for_each_entity(
    home: Settings, horizons: Horizons
) -> None:
    for model in (LIVE, EARLY):
        publish(home, model)
    horizons.refresh()
    assert {each.name for each in horizons} == {"taxi", LIVE, EARLY}
    expected = {"ride-0": LIVE, "ride-1": LIVE, "ride-2": EARLY, "ride-3": "taxi", "ride-9": "taxi"}
    assert {entity: chosen(horizons, entity) for entity in expected} == expected
    for entity in ("ride-4", "ride-5"):
        with pytest.raises(EventPassedError, match=f"got '{entity}': its event was due at 2013-01-12 1[34]:[0-9]+ UTC"):
            horizons.chooser().choose(entity)
    assert horizons.chooser().choose("ride-3").reason == (
        f"its cutoff for {LIVE} is at 2013-01-13 18:15 UTC, and the data is of 2013-01-12 14:15 UTC"
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"rows": {"cutoff": None}}, id="the entity has no instant of its own"),
        pytest.param({"facts": {snapshots.HOURS, snapshots.MAX_AGE_MINUTES}}, id="a snapshot of an earlier release"),
    ],
)
def test_without_a_cutoff_the_model_of_the_night_answers(
    change: dict[str, Any], home: Settings, horizons: Horizons
) -> None:
    events = pd.Series([MOMENT + timedelta(hours=lead) for lead in LEADS.values()])
    rows = served.ENTITIES.head(len(LEADS)).assign(cutoff=events - pd.Timedelta(hours=HOURS[LIVE]))
    rows.loc[0, list(change.get("rows", {}))] = pd.NaT
    facts = {
        "night": str(served.NIGHT),
        snapshots.AS_OF: MOMENT.isoformat(),
        snapshots.HOURS: HOURS[LIVE],
        snapshots.MAX_AGE_MINUTES: 60,
        **served.PINNED.facts,
    }
    packed = snapshots.pack(rows, {name: value for name, value in facts.items() if name not in change.get("facts", ())})
    snapshot_store.put(snapshot_store.folder_of(home.feature_store, LIVE), f"{MOMENT:%Y-%m-%dT%H:%M:%SZ}", packed)
    horizons.refresh()
    assert horizons.get(LIVE).pool.faults == ()
    choice = horizons.chooser().choose("ride-0")
    assert (choice.model.name, choice.reason) == ("taxi", "no live snapshot has it")
    assert (horizons.get(LIVE).live_snapshot is None) == ("facts" in change)


@pytest.mark.parametrize(("hours", "expected"), [(3, "taxi"), (-3, EARLY)], ids=["is later", "is earlier"])
def test_the_nights_cutoff_counts_as_the_others_do(
    hours: float, expected: str, home: Settings, horizons: Horizons
) -> None:
    cutoff = MOMENT + timedelta(hours=LEADS["ride-2"] - HOURS[EARLY] + hours)
    facts = {"night": "2013-01-13", "cutoff": cutoff.isoformat(), **served.PINNED.facts}
    folder = snapshot_store.folder_of(home.feature_store, "taxi")
    snapshot_store.put(folder, "2013-01-13", snapshots.pack(served.ENTITIES, facts))
    publish(home, EARLY)
    horizons.refresh()
    choice = horizons.chooser().choose("ride-2")
    assert choice.model.name == expected
    assert (choice.reason is None) == (expected == EARLY)
    assert horizons.chooser([horizons.get(EARLY)]).choose("ride-2").model.name == EARLY  # named by the request


def test_without_a_fresh_live_snapshot_the_model_of_the_night_answers_and_says_why(
    home: Settings, horizons: Horizons
) -> None:
    horizons.refresh()
    choice = horizons.chooser().choose("ride-0")
    assert (choice.model.name, choice.reason) == ("taxi", "no live snapshot has it")
    publish(home, LIVE, max_age_minutes=30)
    horizons.refresh()
    assert chosen(horizons, "ride-0") == LIVE
    age(home, LIVE, minutes=29)
    publish(home, LIVE, MOMENT - timedelta(minutes=15), max_age_minutes=30)  # of an earlier moment: not the newest
    fresh = Horizons("taxi", home, ServingConfig())
    fresh.refresh()
    assert chosen(fresh, "ride-0") == LIVE
    age(home, LIVE, minutes=2)
    old = Horizons("taxi", home, ServingConfig())
    old.refresh()
    choice = old.chooser().choose("ride-0")
    assert (choice.model.name, choice.reason) == ("taxi", f"the snapshot of {LIVE} is 31 minutes old, which is too old")
    for each in (fresh, old):
        each.close()


def test_a_model_that_is_named_answers_only_for_entities_whose_cutoff_is_reached(
    home: Settings, horizons: Horizons
) -> None:
    publish(home, LIVE)
    horizons.refresh()
    live = horizons.get(LIVE)
    assert live is horizons.at("live")
    horizons.check_reached(live, ["ride-0", None, "unknown"])
    with pytest.raises(NotReachedError, match="got 'ride-2': its cutoff for taxi-live is at 2013-01-12 14:45 UTC"):
        horizons.check_reached(live, ["ride-0", "ride-2"])
    with pytest.raises(UnknownEntityError, match="expected the model 'taxi' or .*'taxi-live', got 'live'"):
        horizons.get("live")
    with pytest.raises(UnknownEntityError, match="expected the horizon 'night' or .*'live', got 'week'"):
        horizons.at("week")


def test_a_server_of_a_use_case_with_one_horizon_has_one_model(home: Settings) -> None:
    served.routed(home, served.packaged(home))
    served.shelved(home)
    with in_process.probing():
        horizons = Horizons("taxi", home, ServingConfig())
        assert horizons.refresh() == []
    assert [each.name for each in horizons] == ["taxi"]
    assert not horizons.are_several
    horizons.close()


@pytest.mark.servers
def test_a_server_of_one_live_model_reports_the_moment_of_its_snapshot(
    home: Settings, packages: dict[str, str]
) -> None:
    publish(home, LIVE)
    with child_server.run_server(LIVE, home) as server:
        state = httpx.get(f"{server.address}/readyz", trust_env=False).json()["horizons"]
    assert {name: each["features_of"] for name, each in state.items()} == {LIVE: MOMENT.isoformat()}


@pytest.mark.servers
def test_clients_ask_by_route_by_option_and_without_naming_a_horizon(home: Settings, packages: dict[str, str]) -> None:
    publish(home, LIVE)
    entities = ["ride-0", "ride-2", "ride-1", "ride-9"]
    with served.running(home) as server:
        eventually(lambda: server.client.get("/readyz").json().get("horizons", {}).get(LIVE, {}).get("ready") or None)
        answers = server.ask(*entities)
        assert [each["horizon"] for each in answers] == ["live", "night", "live", "night"]
        assert [each["package"] for each in answers] == [packages[LIVE], packages["taxi"]] * 2
        assert ["horizon_reason" in each for each in answers] == [False, True, False, True]
        assert header(server.client, entities) == "live, night"

        def score(path: str, **body: Any) -> httpx.Response:
            return server.client.post(path, json=body)

        nightly = score("/score?horizon=night", entities=["ride-0"]).json()["answers"][0]
        assert (nightly["horizon"], nightly["package"]) == ("night", packages["taxi"])
        assert score("/score", entities=["ride-0"], horizon="night").json()["answers"] == [nightly]
        marked = score("/score", entities=["ride-2"], horizon="live").json()["answers"][0]
        assert (marked["horizon"], "cutoff for taxi-live" in marked["horizon_reason"]) == ("night", True)
        rows = served.FRAME.head(3).to_dict("records")
        sent = score("/score?horizon=live", rows=rows).json()["answers"]
        assert {each["package"] for each in sent} == {packages[LIVE]}

        for model in ("taxi", LIVE):
            reply = score(f"/v1/models/{model}:predict", instances=[{"entity": "ride-0"}])
            assert reply.json()["predictions"] == score(f"/v1/models/{model}:predict", instances=[served_live.row(served.ENTITIES, "ride-0")]).json()["predictions"]  # fmt: skip
            assert server.client.get(f"/v2/models/{model}").json()["versions"] == [packages[model]]
        early = score(f"/v1/models/{LIVE}:predict", instances=[{"entity": "ride-2"}])
        assert (early.status_code, "send the request without naming a model" in early.text) == (422, True)
        passed = score("/score", entities=["ride-4"])
        assert (passed.status_code, "its event was due at 2013-01-12 13:45 UTC" in passed.text) == (410, True)
        assert score("/v1/models/taxi-week:predict", instances=rows).status_code == 404
        assert score("/score?horizon=week", rows=rows).status_code == 404
        attributes = {"x-amzn-sagemaker-custom-attributes": "horizon=live"}
        for path, options, horizon in (
            ("/endpoints/taxi/invocations", {}, "night"),
            ("/endpoints/taxi/invocations", attributes, "live"),
            (f"/endpoints/{LIVE}/invocations", attributes, "live"),
        ):
            reply = server.client.post(
                path, content=b"hour,zone\n3,a\n", headers={"content-type": "text/csv"} | options
            )
            assert (reply.status_code, reply.headers["x-ratchet-horizon"]) == (200, horizon)
        contradicted = score(f"/v1/models/{LIVE}:predict?horizon=night", instances=rows)
        assert (contradicted.status_code, "leave the horizon out" in contradicted.text) == (422, True)

        metrics = server.client.get("/metrics").text.splitlines()
        ready = [line for line in metrics if line.startswith("ratchet_ready{")]
        assert ready == [f'ratchet_ready{{model="{name}"}} 1.0' for name in ("taxi", EARLY, LIVE)]
        assert len([line for line in metrics if line.startswith("# TYPE ratchet_ready ")]) == 1
        assert len([line for line in metrics if line.startswith("process_resident_memory_bytes ")]) == 1

        route(home, LIVE, other := served.packaged(home, "trees", use_case=LIVE), seq=2)
        eventually(lambda: server.ask("ride-0")[0]["package"] == other or None)
        assert server.ask("ride-2")[0]["package"] == packages["taxi"]
    logged = {name: [*served_live.records(home, name)] for name in ("taxi", LIVE)}
    assert {each["package"] for each in logged["taxi"]} == {packages["taxi"]}
    assert {each["package"] for each in logged[LIVE]} == {packages[LIVE], other}


def header(client: httpx.Client, entities: list[str]) -> str:
    reply = client.post("/invocations", json={"dataframe_records": [{"entity": each} for each in entities]})
    assert len(reply.json()["predictions"]) == len(entities)
    return reply.headers["x-ratchet-horizon"]


def test_a_damaged_live_snapshot_leaves_the_night_as_it_is(home: Settings, horizons: Horizons) -> None:
    publish(home, LIVE)
    folder = snapshot_store.folder_of(home.feature_store, LIVE)
    (numbers,) = folder.glob("*/numbers.f8")
    numbers.write_bytes(b"")
    assert any("numbers.f8" in fault for fault in horizons.refresh())
    choice = horizons.chooser().choose("ride-0")
    assert (choice.model.name, choice.reason) == ("taxi", "no live snapshot has it")
    assert replace(choice, reason=None) == horizons.chooser().choose("ride-0").__class__(model=horizons.main)
