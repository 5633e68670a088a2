"""The label sensor, asked as the triggerer asks it, with a warehouse that changes under it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from ratchet.labels import LabelBatch

from include.steps.monitor import label_trigger
from include.steps.monitor.label_trigger import Volume
from tests.plugins.store import Store

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SECONDS = 0.001


def fired(store: Store, seen: list[Volume | Exception | None], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Return what a trigger that is started anew tells until it has `seen` all of this."""
    told: Iterator[Volume | Exception | None] = iter(seen)
    payloads: list[dict[str, int]] = []

    def volume(use_case: str) -> Volume | None:
        found = next(told, "the end")
        if isinstance(found, str):
            raise asyncio.CancelledError
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(label_trigger, "volume", volume)
    path, arguments = LabelBatch("taxi", 100, SECONDS).serialize()
    assert path == f"{LabelBatch.__module__}.{LabelBatch.__name__}"
    trigger = LabelBatch(**arguments)
    trigger.asset_state_store = store  # type: ignore[assignment]

    async def watch() -> None:
        events = trigger.run()
        while True:
            payloads.append((await anext(events)).payload)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch())
    return payloads


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        ([None, Volume(known=99, answered=0)], []),
        ([Volume(known=99, answered=0), Volume(known=100, answered=0)], [100]),
        ([Volume(known=150, answered=0)] * 3, [150]),
        ([Volume(known=150, answered=0), Volume(known=249, answered=0), Volume(known=250, answered=0)], [150, 250]),
        ([Volume(known=150, answered=150), Volume(known=250, answered=150)], [250]),
        ([Volume(known=5_000, answered=0)], [5_000]),
        ([OSError("the warehouse is away"), Volume(known=100, answered=0)], [100]),
        ([Volume(known=150, answered=0), Volume(known=90, answered=0)], [150]),
    ],
    ids=[
        "too few",
        "at the batch",
        "not twice",
        "the next batch",
        "after an answer",
        "two months at once",
        "an outage",
        "withdrawn labels",
    ],
)
def test_a_batch_is_told_once(seen: list[Any], known: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each["known"] for each in fired(Store(), seen, monkeypatch)] == known


def test_a_triggerer_that_starts_again_does_not_tell_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store, seen = Store(), [Volume(known=150, answered=0)]
    assert len(fired(store, [*seen], monkeypatch)) == 1
    assert fired(store, [*seen, Volume(known=249, answered=0)], monkeypatch) == []
    assert len(fired(store, [Volume(known=250, answered=0)], monkeypatch)) == 1
