"""A limit on waiting counts what the machine gave, says so, and ends also on a machine that gives next to nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from include import patience
from include.patience import Patience


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def waited(limit: float, shares: list[float]) -> tuple[float, Patience]:
    """Return after how many seconds the limit was over, on a machine that gives these shares in turn."""
    clock, given = Clock(), itertools.cycle(shares)
    limited = Patience(limit, clock, lambda: next(given))
    while not limited.is_spent():
        clock.seconds += limited.pause / 3
    return clock.seconds, limited


@given(limit=some.floats(0.1, 2000), shares=some.lists(some.floats(0, 1), min_size=1, max_size=5))
def test_a_limit_is_never_shorter_than_on_a_quiet_machine_and_never_without_end(
    limit: float, shares: list[float]
) -> None:
    seconds, _ = waited(limit, shares)
    assert limit * 0.999 <= seconds <= 50 * limit + 10


def test_a_machine_that_gives_a_quarter_of_a_core_is_waited_for_four_times_as_long_and_that_is_said() -> None:
    assert waited(120, [1.0])[0] == pytest.approx(120, rel=0.05)
    seconds, limited = waited(120, [0.25])
    assert seconds == pytest.approx(480, rel=0.05)
    assert str(limited) == f"waited {seconds:.0f} s, in which this busy machine gave a process 25% of a core,"
    assert str(waited(120, [1.0])[1]) == f"waited {waited(120, [1.0])[0]:.0f} s"


def test_what_is_measured_is_a_share() -> None:
    assert 0 < patience.measure_share() <= 1
