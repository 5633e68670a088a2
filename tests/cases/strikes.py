"""Print, as JSON, the partition keys and times of the runs that Airflow's timetable starts in a year.

This is a separate program, so that tests do not import Airflow. Its arguments are triples: time zone, hour, year.
"""

import json
import sys
from datetime import timedelta

import pendulum
from airflow.timetables.base import TimeRestriction
from ratchet.night_timetable import NightTimetable

from ml.usecase import Night


def scheduled_runs(zone: str, hour: int, year: int) -> list[tuple[str, str]]:
    """Return the partition keys and the UTC start times of the runs in `year`."""
    night = Night(hour=hour, timezone=zone)
    timetable = NightTimetable(
        night.cron, timezone=zone, run_offset=0, key_format="%Y-%m-%d", run_immediately=timedelta(0)
    )
    restriction = TimeRestriction(pendulum.datetime(year, 1, 1), None, catchup=True)
    runs, last = [], None
    while True:
        last = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        if last is None or last.run_after.year > year:
            return runs
        runs.append((str(last.partition_key), last.run_after.in_timezone("UTC").isoformat()))


triples = zip(*(iter(sys.argv[1:]),) * 3, strict=True)
sys.stdout.write(json.dumps({" ".join(each): scheduled_runs(each[0], int(each[1]), int(each[2])) for each in triples}))
