"""Every night of a year is started once, under its own key, at its cutoff, whatever the clocks of its zone do."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from include.settings import PROJECT
from ml.usecase import Night

pytestmark = pytest.mark.airflow
ZONES = (
    ("Europe/Berlin", 2, 2024),  # the clock repeats the hour on 2024-10-27
    ("Europe/Berlin", 3, 2024),
    ("America/New_York", 2, 2024),
    ("America/New_York", 1, 2024),  # the clock repeats the hour on 2024-11-03
    ("Asia/Kolkata", 3, 2024),
    ("Asia/Kathmandu", 0, 2024),
    ("Australia/Lord_Howe", 2, 2024),
    ("America/Sao_Paulo", 0, 2018),
    ("Africa/Cairo", 0, 2024),
    ("America/Havana", 0, 2024),  # the clock repeats the hour on 2024-11-03
    ("Africa/Casablanca", 2, 2024),  # the clock repeats the hour on 2024-03-10
    ("Pacific/Apia", 3, 2011),  # the clock repeats the hour on 2011-04-02
    ("Pacific/Kiritimati", 5, 2024),
    ("Atlantic/Azores", 0, 2024),  # the clock repeats the hour on 2024-10-27
    ("Asia/Beirut", 0, 2024),
    ("America/Asuncion", 0, 2023),
)
SKIPPED = {"Pacific/Apia": {"2011-12-30"}}  # a day that was none there
Zone = tuple[str, int, int]


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """When Airflow's clock strikes in each zone's year."""
    home = str(tmp_path_factory.mktemp("airflow"))
    environment = os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}",
    }
    reported = [str(word) for zone in ZONES for word in zone]
    program = Path(__file__).with_name("strikes.py")
    done = subprocess.run([sys.executable, program, *reported], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, list[tuple[str, str]]] = json.loads(done.stdout.splitlines()[-1])
    return result


def cutoff(zone: Zone, key: str) -> datetime:
    return Night(hour=zone[1], timezone=zone[0]).cutoff(date.fromisoformat(key))


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_each_night_starts_once_under_its_key_and_not_before_its_cutoff(
    struck: dict[str, list[tuple[str, str]]], zone: Zone
) -> None:
    name, _, year = zone
    starts = struck[" ".join(map(str, zone))]
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    # the year is UTC's: its first or its last night may begin in the year beside it
    wanted = {str(date(year, 1, 1) + timedelta(days=number)) for number in range(1, days - 1)}
    counted = Counter(key for key, _ in starts)
    assert set(counted.values()) == {1}
    assert wanted - set(counted) == SKIPPED.get(name, set())
    assert [key for key, at in starts if datetime.fromisoformat(at) < cutoff(zone, key)] == []


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_each_night_starts_at_the_one_instant_that_is_its_cutoff(
    struck: dict[str, list[tuple[str, str]]], zone: Zone
) -> None:
    starts = struck[" ".join(map(str, zone))]
    assert [key for key, at in starts if datetime.fromisoformat(at) != cutoff(zone, key)] == []
