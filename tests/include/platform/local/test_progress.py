"""A person sees that a long command is alive: its clock goes on, and what is done stays on the screen."""

import io

import pytest
from rich.console import Console

from include.platform.local import progress
from include.platform.local.progress import ProgressDisplay
from tests.waiting import eventually


def test_the_clock_goes_on_after_the_last_part_and_finished_parts_stay() -> None:
    screen = io.StringIO()
    with ProgressDisplay(Console(file=screen, force_terminal=True, width=100), parts=1) as display:
        display.show("night 1 · monitor")
        display.complete_part("night 1 · done")
        display.show("Airflow stops")
        assert not display._progress.finished
        column = display._progress.columns[-1]
        first = str(column(display._progress.tasks[0]))
        eventually(lambda: str(column(display._progress.tasks[0])) != first or None, pause=0.05)
    assert "night 1 · done" in screen.getvalue()
    assert "1/1" in screen.getvalue()


def test_in_a_log_a_long_step_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0.05)
    with ProgressDisplay(Console(file=log, width=100)) as display:
        display.show("Airflow stops")
        display.show("Airflow stops")
        eventually(lambda: "Airflow stops · for " in log.getvalue() or None, pause=0.02)
    after = log.getvalue()
    assert after.count("s  Airflow stops\n") == 1
