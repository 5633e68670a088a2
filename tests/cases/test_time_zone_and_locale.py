"""What a night leaves behind does not depend on the time zone or the locale of the machine."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from include.settings import PROJECT, Settings
from tests.conftest import TOYS
from tests.include.steps.conftest import STEPS, Story, arrive, contents, story

__all__ = ["arrive", "story"]  # fixtures
FIRST = "ingest a night"
STEPS_OF_TWO_NIGHTS = list(STEPS)[list(STEPS).index(FIRST) :]
PROGRAM = """
import json, sys, time
from include import settings, usecases
usecases.__path__.append(sys.argv[1])
from tests.cases.test_time_zone_and_locale import STEPS, STEPS_OF_TWO_NIGHTS, digests
for name in STEPS_OF_TWO_NIGHTS:
    STEPS[name]()
print(json.dumps({"zone": time.tzname[0], "digests": digests(settings.load_settings())}))
"""


def digests(settings: Settings) -> dict[str, str]:
    """Return a digest of each part of a home."""
    return {name: hashlib.sha256(repr(part).encode()).hexdigest() for name, part in contents(settings).items()}


def test_two_nights_leave_the_same_everywhere(story: Story, arrive: Callable[[str], Settings], tmp_path: Path) -> None:
    """The nights here are those that other tests use too; those elsewhere are run in a process of their own."""
    last = STEPS_OF_TWO_NIGHTS[-1]
    here = arrive(last)
    STEPS[last]()
    elsewhere = {"TZ": "Asia/Kathmandu", "LANG": "C", "LC_ALL": "C"}
    home = shutil.copytree(story.before(FIRST), tmp_path / "elsewhere")
    environment = os.environ | {"RATCHET_HOME": str(home), "PYTHONPATH": str(PROJECT)} | elsewhere
    program = [sys.executable, "-c", PROGRAM, str(TOYS)]
    ended = subprocess.run(program, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    there = json.loads(ended.stdout.splitlines()[-1])
    assert there["zone"] != time.tzname[0]
    first, second = digests(here), there["digests"]
    assert {"scores", "labels", "alerts", "ingestions", "metrics", "ledger", "taxi/features/entities"} <= set(first)
    assert [name for name in first | second if first.get(name) != second.get(name)] == []
