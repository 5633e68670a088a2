"""The sensor on the landing area, asked as the triggerer asks it, while files come under it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from ratchet.late import LateLabelTrigger

from include.steps.ingest import late_files
from ml.errors import SetupError
from tests.plugins.store import Store

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ONE, GROWN, OTHER = {"rides.csv": "1-a"}, {"rides.csv": "2-b"}, {"rides.late.csv": "3-c"}
FIRST, SECOND = "2024-03-17", "2024-03-18"
AWAY = SetupError("the bucket does not answer")
Look = dict[str, dict[str, str]] | Exception


def reported(
    store: Store, looks: list[Look], monkeypatch: pytest.MonkeyPatch, far: list[bool] | None = None
) -> list[Any]:
    """Return what a trigger that is started anew tells in so many `looks`; `far` is told which looked at everything."""
    coming: Iterator[Look] = iter(looks)
    payloads: list[Any] = []

    def find(use_case: str, *, everything: bool) -> Look:
        if far is not None:
            far.append(everything)
        result = next(coming, None)
        if result is None:
            raise asyncio.CancelledError
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(late_files, "find", find)
    path, arguments = LateLabelTrigger("taxi", 0.0001).serialize()
    assert path == f"{LateLabelTrigger.__module__}.{LateLabelTrigger.__name__}"
    trigger = LateLabelTrigger(**arguments)
    trigger.asset_state_store = store  # type: ignore[assignment]

    async def watch() -> None:
        events = trigger.run()
        while True:
            payloads.append((await anext(events)).payload["periods"])

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch())
    return payloads


@pytest.mark.parametrize(
    ("looks", "periods"),
    [
        ([{}, {FIRST: ONE}, {FIRST: ONE}], [[FIRST]]),
        ([{FIRST: ONE}], []),
        ([{FIRST: ONE}, {FIRST: GROWN}], []),
        ([{FIRST: ONE}, {FIRST: GROWN}, {FIRST: GROWN}], [[FIRST]]),
        ([{FIRST: ONE}, {}, {FIRST: ONE}], []),
        ([{FIRST: ONE}] * 9, [[FIRST]]),
        ([*[{FIRST: ONE}] * 2, {}, *[{FIRST: GROWN}] * 2], [[FIRST], [FIRST]]),
        ([*[{FIRST: ONE}] * 2, *[{FIRST: ONE | OTHER}] * 2], [[FIRST], [FIRST]]),
        ([{FIRST: ONE, SECOND: ONE}, {FIRST: ONE, SECOND: GROWN}, {FIRST: ONE, SECOND: GROWN}], [[FIRST], [SECOND]]),
        ([{FIRST: ONE, SECOND: OTHER}] * 2, [[FIRST, SECOND]]),
        ([{FIRST: ONE}, AWAY, {FIRST: ONE}], [[FIRST]]),
        ([AWAY, AWAY, *[{FIRST: ONE}] * 2], [[FIRST]]),
    ],
    ids=[
        "a file that landed",
        "seen once",
        "still growing",
        "whole in the end",
        "gone again",
        "not twice",
        "changed after it was taken",
        "a part more before it was taken",
        "each night by itself",
        "two nights at once",
        "an outage between two looks",
        "away from the start",
    ],
)
def test_each_state_of_a_late_file_is_told_once_and_whole(
    looks: list[Look], periods: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reported(Store(), looks, monkeypatch) == periods


def test_a_triggerer_that_starts_again_does_not_tell_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    assert reported(store, [{FIRST: ONE}] * 2, monkeypatch) == [[FIRST]]
    assert reported(store, [{FIRST: ONE}] * 3, monkeypatch) == []
    assert reported(store, [{FIRST: GROWN}] * 2, monkeypatch) == [[FIRST]]


def test_what_came_while_no_triggerer_ran_is_told_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    reported(store, [{FIRST: ONE}], monkeypatch)
    assert reported(store, [{FIRST: ONE}] * 2, monkeypatch) == [[FIRST]]


def test_bytes_that_come_back_after_others_were_taken_by_hand_are_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    reported(store, [{FIRST: ONE}] * 2, monkeypatch)
    assert reported(store, [{}, *[{FIRST: ONE}] * 2], monkeypatch) == [[FIRST]]


def test_far_nights_are_looked_at_first_then_seldom_and_whenever_something_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far: list[bool] = []
    reported(Store(), [{}, {}, {FIRST: ONE}, {FIRST: ONE}, *[{}] * 240], monkeypatch, far)
    assert [look for look, everything in enumerate(far) if everything] == [0, 3, 240]
