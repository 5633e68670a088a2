"""A time limit for code of a use case that runs in this process, by the timer signal of the main thread."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_AGAIN_SECONDS = 1.0  # code that catches the first alarm gets another one
_RAISING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class OutOfTime(BaseException):
    """The time is over. It is no Exception, so that a file's `except Exception` does not catch it."""


class Interrupted(BaseException):
    """A signal for this process arrived. Its own handler is called when the limit is left."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the body after `seconds`; in other threads than the main one there is no limit.

    SIGINT and SIGTERM raise Interrupted in the body and reach their handlers on exit, so an interruption cannot be
    taken for an exception that the body itself raised. A timer that was running before, such as Airflow's own time-out
    of a DAG file, shortens this limit, and goes on afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []

    def expire(_number: int, _frame: object) -> None:
        raise OutOfTime

    def defer(number: int, _frame: object) -> None:
        pending.append(number)
        raise Interrupted

    started, (remaining, interval) = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)
    replaced = _replace({signal.SIGALRM: expire, **dict.fromkeys(_RAISING_SIGNALS, defer)})
    signal.setitimer(signal.ITIMER_REAL, min(seconds, remaining or seconds), _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each, handler in replaced.items():
            signal.signal(each, handler)
        if remaining:
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (time.monotonic() - started), 0.001), interval)
        for number in pending:
            signal.raise_signal(number)


def _replace(handlers: dict[signal.Signals, Callable[[int, Any], None]]) -> dict[signal.Signals, Any]:
    """Install the handlers and return the former ones; a signal that is ignored or handled outside Python is left."""
    former = {number: signal.getsignal(number) for number in handlers}
    replaced = {number: handler for number, handler in former.items() if number == signal.SIGALRM or callable(handler)}
    for each in replaced:
        signal.signal(each, handlers[each])
    return {number: signal.SIG_DFL if handler is None else handler for number, handler in replaced.items()}
