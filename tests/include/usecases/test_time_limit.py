"""A time limit ends code of the main thread, and leaves the timer and the handlers that were there."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest

from include.usecases.time_limit import Interrupted, OutOfTime, time_limit


@pytest.fixture(autouse=True)
def timer() -> Iterator[None]:
    """After the test, no timer runs and the handlers are those of before."""
    handlers = {each: signal.getsignal(each) for each in (signal.SIGALRM, signal.SIGTERM)}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_code_that_waits_is_ended_also_if_it_catches_exceptions() -> None:
    with pytest.raises(OutOfTime), time_limit(0.05), contextlib.suppress(Exception):
        signal.pause()


def test_code_that_ends_in_time_leaves_a_timer_and_handler_of_before() -> None:
    rings: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: rings.append(number))
    signal.setitimer(signal.ITIMER_REAL, 500)
    with time_limit(60):
        pass
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
    signal.raise_signal(signal.SIGALRM)
    assert rings == [signal.SIGALRM]


def test_an_interruption_reaches_its_own_handler_afterwards() -> None:
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    with pytest.raises(Interrupted), time_limit(60):
        signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]


def test_in_another_thread_there_is_no_limit() -> None:
    done: list[bool] = []

    def run() -> None:
        with time_limit(0.0001):
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
