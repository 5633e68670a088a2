"""The moments of a live day reach every cutoff, and a server that does not follow them is reported."""

from datetime import UTC, datetime

import httpx
import pandas as pd
import pytest

from include.steps.score import live_traffic
from include.steps.score.live_traffic import due_by_moment, moments
from ml.errors import SetupError

MOMENT = datetime(2024, 3, 17, 4, 15, tzinfo=UTC)


def cutoffs(*texts: str) -> "pd.Series[pd.Timestamp]":
    return pd.Series(pd.to_datetime(texts, utc=True), [f"ride-{place}" for place in range(len(texts))])


def test_the_refreshes_reach_every_cutoff_and_none_is_without_an_entity() -> None:
    due = cutoffs("2024-03-17 04:01", "2024-03-17 05:00", "2024-03-17 05:01", "2024-03-17 20:07")
    requested = [entity for _, entities in due_by_moment(due, 2) for entity in entities]
    assert requested == list(due.index)
    for moment, entities in due_by_moment(due, 2):
        assert entities
        assert all(due[entity] <= moment < due[entity] + pd.Timedelta(hours=2) for entity in entities)
    assert all(each.minute % 15 == 0 and each.tzinfo is not None for each in moments(due, 2))


def test_a_day_with_one_cutoff_has_one_refresh() -> None:
    assert moments(cutoffs("2024-03-17 04:01", "2024-03-17 04:01"), 2) == (MOMENT,)


def client(status: int, **body: object) -> httpx.Client:
    """A client of a server whose `/readyz` always has the same reply."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    return httpx.Client(base_url="http://127.0.0.1:8000", transport=transport)


def test_a_server_with_the_snapshot_of_the_moment_is_waited_for_no_longer() -> None:
    state = {"taxi-live": {"features_of": MOMENT.isoformat()}}
    live_traffic.wait_for_snapshot(client(200, ready=True, faults=[], horizons=state), "taxi-live", MOMENT)


@pytest.mark.parametrize(
    ("server", "reported"),
    [
        pytest.param(
            client(200, ready=True, faults=[], horizons={"taxi-live": {"features_of": "earlier"}}),
            r"it reports \{'features_of': 'earlier'\}",
            id="another snapshot",
        ),
        pytest.param(client(503, ready=False, faults=["no champion"]), "to be ready, but: no champion", id="not ready"),
        pytest.param(client(404, detail="Not Found"), "`make up` or `ratchet serve` starts one", id="another program"),
    ],
)
def test_a_server_that_never_has_it_is_reported(
    server: httpx.Client, reported: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_traffic, "_SECONDS", 0.0)
    with pytest.raises(SetupError, match=f"expected the server to use the live snapshot of 2024-03-17.*{reported}"):
        live_traffic.wait_for_snapshot(server, "taxi-live", MOMENT)
