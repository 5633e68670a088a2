"""The schedule of a use case's nights: Airflow's, but a night whose hour the clock repeats starts at the first of both."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.trigger import CronPartitionTimetable
from pendulum import DateTime

_LONGEST_SHIFT = 3  # hours; within a shift of the clock, Airflow may return the given moment itself as the earlier one


class NightTimetable(CronPartitionTimetable):
    """Starts a run at the cutoff of each night.

    Where daylight saving time ends, Airflow's own timetable means the second passage of a repeated hour, an hour after
    the cutoff (`ml.usecase.periods.cutoff`).
    """

    def _get_next(self, current: DateTime) -> DateTime:
        following = super()._get_next(current)
        first = self._first_passage(following)
        return first if first > current else self._get_next(following)

    def _get_prev(self, current: DateTime) -> DateTime:
        previous = self._first_passage(super()._get_prev(current.subtract(hours=_LONGEST_SHIFT)))
        while (later := self._get_next(previous)) < current:
            previous = later
        return previous

    def _first_passage(self, moment: DateTime) -> DateTime:
        """Return the first instant at which the clock shows what it shows at `moment`, in UTC."""
        clock = moment.in_timezone(self._timezone).naive()
        first = datetime(*clock.timetuple()[:6], tzinfo=ZoneInfo(self._timezone.name))
        return pendulum.instance(first.astimezone(UTC))
