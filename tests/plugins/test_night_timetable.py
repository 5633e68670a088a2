"""The next and the previous start are cutoffs, whatever moment they are computed from, also within a repeated hour."""

from datetime import UTC, datetime, timedelta

import pendulum
import pytest
from ratchet.night_timetable import NightTimetable
from ratchet.plugin import RatchetPlugin

from ml.usecase import Night, periods

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
STEP = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("zone", "hour", "around"),
    [
        ("Europe/Berlin", 2, "2024-10-27"),  # from 3 back to 2
        ("America/Havana", 0, "2024-11-03"),  # from 1 back to 0
        ("Atlantic/Azores", 0, "2024-10-27"),  # from 1 back to 0
        ("Asia/Beirut", 0, "2024-10-27"),  # from 0 back to 23 of the day before
        ("Australia/Lord_Howe", 2, "2024-04-07"),  # from 2 back to half past 1
        ("America/New_York", 2, "2024-03-10"),  # from 2 to 3
        ("UTC", 5, "2024-10-27"),
    ],
)
def test_the_neighbours_of_any_moment_are_the_cutoffs_around_it(zone: str, hour: int, around: str) -> None:
    night, timetable = Night(hour=hour, timezone=zone), NightTimetable(f"0 {hour} * * *", timezone=zone)
    day = periods.parse(around).first
    cutoffs = [night.cutoff(day + timedelta(days=number)) for number in range(-3, 4)]
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    for number in range(3 * 24 * 4):
        moment = first + number * STEP
        current = pendulum.instance(moment)
        assert timetable._get_next(current) == min(each for each in cutoffs if each > moment)
        assert timetable._get_prev(current) == max(each for each in cutoffs if each < moment)


def test_it_is_registered_and_read_back_as_it_was_stored() -> None:
    timetable = NightTimetable("0 2 * * *", timezone="Europe/Berlin", run_offset=0, key_format="%Y-%m-%d")
    restored = NightTimetable.deserialize(timetable.serialize())
    assert type(restored) is NightTimetable
    assert restored.serialize() == timetable.serialize()
    assert NightTimetable in RatchetPlugin.timetables
