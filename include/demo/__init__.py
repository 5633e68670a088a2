"""The demo run (`make run`): a use case's history, first release and nights, through Airflow's real scheduler.

The driver only uses Airflow's REST API. It triggers DAG runs, waits for the runs that follow from them, and approves as
the demo users. Run ids are fixed, so that a demo run that was stopped continues where it was.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from types import FrameType

from rich.console import Console

from include.demo.airflow import StageError
from include.demo.driver import DemoRun
from include.platform.local import home_lock, processes
from include.platform.local.airflow_client import Client
from include.platform.local.progress import ProgressDisplay
from include.settings import Settings
from ml.usecase import UseCase
from ml.usecase.periods import Period

__all__ = ["DemoRun", "StageError", "demo_nights", "run"]
_COMPONENTS = [name for name in processes.AIRFLOW_COMPONENTS if name != "triggerer"]


def demo_nights(use_case: UseCase, until: date | None = None) -> Period:
    """Return the nights that the demo runs one by one after its history: the declared ones, or those up to `until`.

    Raises RequestError when `until` is before the first of them.
    """
    declared = use_case.schedule.parse(use_case.demo.nights)
    return declared if until is None else use_case.schedule.parse(str(Period(declared.first, until)))


def run(use_case: UseCase, console: Console, settings: Settings, period: Period) -> dict[str, float]:
    """Run the demo for the nights of `period`, and return the seconds that each part took; always stop the stack.

    Raises SetupError when the machine does not fit or another program works in this home, and StageError when a task
    failed after its last retry.
    """
    started_at, nights = datetime.now(UTC), use_case.schedule.nights(period)
    with (
        home_lock.hold(settings, f"ratchet run {use_case.name}"),
        ProgressDisplay(console, parts=len(nights)) as display,
        _interrupt_on_sigterm(),
    ):
        display.show("Airflow starts")
        stack = processes.start(settings, schedules=False, components=_COMPONENTS)
        try:
            stack.wait_until_healthy(show=lambda text: display.show(f"Airflow starts · {text}"))
            with Client(settings) as client:
                demo = DemoRun(use_case, stack, client, display.show, nights)
                demo.prepare()
                startup_seconds = (datetime.now(UTC) - started_at).total_seconds()
                demo.bootstrap()
                demo.run_nights(lambda night: display.complete_part(f"night {night} · done"))
                demo.materialize_last_night()
                demo.play_live_day()
        finally:
            display.show("Airflow stops")
            with _ignoring_signals():
                stack.stop()
    total = (datetime.now(UTC) - started_at).total_seconds()
    return {"start": startup_seconds, **demo.stopwatch.seconds, "whole": total}


@contextmanager
def _interrupt_on_sigterm() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt, so that every `finally` runs, as after Ctrl-C."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _ignoring_signals() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM while the stack is stopped."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
