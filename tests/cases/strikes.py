"""Writes, as JSON, under which key and when Airflow's clock strikes in a year; a process of its own, for Airflow's sake.

Its arguments are a time zone, an hour and a year, again and again.
"""

import json
import sys
from datetime import timedelta

import pendulum
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable

from ml.usecase import Night


def strikes(zone: str, hour: int, year: int) -> list[tuple[str, str]]:
    """Return the keys and the UTC moments of the nights that begin in `year`."""
    night = Night(hour=hour, timezone=zone)
    clock = CronPartitionTimetable(
        night.cron, timezone=zone, run_offset=0, key_format="%Y-%m-%d", run_immediately=timedelta(0)
    )
    since = TimeRestriction(pendulum.datetime(year, 1, 1), None, catchup=True)
    found, last = [], None
    while True:
        last = clock.next_dagrun_info_v2(last_dagrun_info=last, restriction=since)
        if last is None or last.run_after.year > year:
            return found
        found.append((str(last.partition_key), last.run_after.in_timezone("UTC").isoformat()))


wanted = zip(*(iter(sys.argv[1:]),) * 3, strict=True)
sys.stdout.write(json.dumps({" ".join(each): strikes(each[0], int(each[1]), int(each[2])) for each in wanted}))
