"""The label sensor, asked as the triggerer asks it, with a warehouse that changes under it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from ratchet.labels import LabelBatchTrigger

from include.steps.monitor import label_trigger
from include.steps.monitor.label_trigger import LabelCounts
from tests.plugins.store import Store

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SECONDS = 0.001


def fired(
    store: Store, seen: list[LabelCounts | Exception | None], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, int]]:
    """Return what a trigger that is started anew tells until it has `seen` all of this."""
    reported: Iterator[LabelCounts | Exception | None] = iter(seen)
    payloads: list[dict[str, int]] = []

    def volume(use_case: str) -> LabelCounts | None:
        result = next(reported, "the end")
        if isinstance(result, str):
            raise asyncio.CancelledError
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(label_trigger, "count_labels", volume)
    path, arguments = LabelBatchTrigger("taxi", 100, SECONDS).serialize()
    assert path == f"{LabelBatchTrigger.__module__}.{LabelBatchTrigger.__name__}"
    trigger = LabelBatchTrigger(**arguments)
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
        ([None, LabelCounts(known=99, baseline=0)], []),
        ([LabelCounts(known=99, baseline=0), LabelCounts(known=100, baseline=0)], [100]),
        ([LabelCounts(known=150, baseline=0)] * 3, [150]),
        (
            [
                LabelCounts(known=150, baseline=0),
                LabelCounts(known=249, baseline=0),
                LabelCounts(known=250, baseline=0),
            ],
            [150, 250],
        ),
        ([LabelCounts(known=150, baseline=150), LabelCounts(known=250, baseline=150)], [250]),
        ([LabelCounts(known=5_000, baseline=0)], [5_000]),
        ([OSError("the warehouse is away"), LabelCounts(known=100, baseline=0)], [100]),
        ([LabelCounts(known=150, baseline=0), LabelCounts(known=90, baseline=0)], [150]),
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
    store, seen = Store(), [LabelCounts(known=150, baseline=0)]
    assert len(fired(store, [*seen], monkeypatch)) == 1
    assert fired(store, [*seen, LabelCounts(known=249, baseline=0)], monkeypatch) == []
    assert len(fired(store, [LabelCounts(known=250, baseline=0)], monkeypatch)) == 1
