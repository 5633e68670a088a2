"""Every step may run twice, or be killed anywhere and run again: what it leaves is the same."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from include.settings import PROJECT, Settings
from tests.conftest import TOYS
from tests.include.steps.conftest import HISTORY, STEPS, WRITES, contents, enter
from tests.killing import Killed, killed_after


@pytest.mark.parametrize("step", STEPS)
def test_a_step_run_twice_leaves_what_it_left_the_first_time(arrive: Callable[[str], Settings], step: str) -> None:
    settings = arrive(step)
    first = STEPS[step]()
    left = contents(settings)
    assert STEPS[step]() == first
    assert contents(settings) == left


ONE_WRITE = {"acceptance tests"}
SAME_CODE = {"ingest", "ingest the next night"}
BY_PARTS = {"train"}  # see test_side_by_side.py


@pytest.mark.parametrize("step", [step for step in STEPS if step not in ONE_WRITE | SAME_CODE | BY_PARTS])
def test_a_step_killed_after_any_of_its_writes_is_mended_by_running_it_again(
    arrive: Callable[[str], Settings], step: str
) -> None:
    undisturbed = arrive(step)
    with killed_after(0, WRITES) as writes:
        STEPS[step]()
    expected = contents(undisturbed)
    assert writes
    for number, name in enumerate(writes, start=1):
        settings = arrive(step)
        with killed_after(number, WRITES), pytest.raises(Killed):
            STEPS[step]()
        STEPS[step]()
        assert contents(settings) == expected, f"killed after write {number}, {name}"


def test_a_process_that_ended_in_the_middle_of_ingesting_is_mended_by_another(
    arrive: Callable[[str], Settings],
) -> None:
    settings, undisturbed = arrive("ingest"), arrive("ingest")
    STEPS["ingest"]()
    program = (
        "import os; from include import usecases; from include.stores import lake; from include.steps import ingest\n"
        f"usecases.__path__.append({str(TOYS)!r}); replace = lake.replace\n"
        "lake.replace = lambda uri, *rest: os._exit(9) if uri.endswith('valid/traffic') else replace(uri, *rest)\n"
        f"ingest.ingest('taxi', {HISTORY!r})"
    )
    environment = {**os.environ, "RATCHET_HOME": str(settings.home), "PYTHONPATH": str(PROJECT)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 9
    enter(settings.home)
    STEPS["ingest"]()
    assert contents(settings) == contents(undisturbed)
