"""A second program in a home is refused before it starts anything; a dead one's lock is free."""

import os
import signal
import subprocess
import sys

import pytest

from include.platform.local import home_lock
from include.settings import PROJECT, Settings
from ml.errors import SetupError

HOLD = """
import sys, time
from include.platform.local import home_lock
from include.settings import load_settings
with home_lock.hold(load_settings(), "ratchet run taxi"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_who_holds_a_home_is_named_and_what_died_holds_nothing(settings: Settings) -> None:
    environment = os.environ | {"RATCHET_HOME": str(settings.home), "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([sys.executable, "-c", HOLD], env=environment, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with (
                pytest.raises(SetupError, match=rf"`ratchet run taxi` \(process {holder.pid}, since .* UTC\) already"),
                home_lock.hold(settings, "ratchet up"),
            ):
                pytest.fail("two programs hold one home")
        finally:
            holder.send_signal(signal.SIGKILL)
    for _ in range(2):
        with home_lock.hold(settings, "ratchet up"):
            assert "ratchet up" in (settings.home / "driver.lock").read_text()
    assert (settings.home / "driver.lock").read_text() == ""
