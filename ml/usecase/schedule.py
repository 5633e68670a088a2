"""The schedule of predictions: the cutoff of each night, and the cadence of nights."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml.errors import DeclarationError, RequestError
from ml.usecase import periods
from ml.usecase.declaration import check, check_types
from ml.usecase.periods import Period

Cadence = Literal["day", "month"]

_TWO_DAYS = timedelta(days=2)  # cutoffs further back have passed in every time zone
_ONE_DAY, _REMEMBERED = timedelta(days=1), timedelta(days=366)
_NIGHTS_PER_BLOCK: dict[Cadence, int] = {"day": 7, "month": 1}
_CADENCE_TEXTS: dict[Cadence, str] = {"day": "every night", "month": "the first of each month"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """The horizon of nightly batch scoring: the cutoff of night D is `hour` o'clock on D in `timezone`.

    `every` is the cadence: each day is a night, or only the first day of each month. All numbers of nights in a
    declaration (such as `Gates.judged_nights` or `Triggers.window_nights`) count nights of this cadence.
    """

    name: ClassVar[str] = "night"

    hour: int
    timezone: str
    every: Cadence = "day"

    def __post_init__(self) -> None:
        check_types(self)
        check(0 <= self.hour <= 23, f"a night's hour is 0 to 23, got {self.hour}")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DeclarationError(
                f"expected an IANA time zone such as 'America/New_York', got {self.timezone!r}"
            ) from None

    @property
    def cron(self) -> str:
        """The cutoffs as a cron expression in `timezone`."""
        return f"0 {self.hour} {'*' if self.every == 'day' else '1'} * *"

    @property
    def cadence_text(self) -> str:
        """The cadence in words: every night, or the first of each month."""
        return _CADENCE_TEXTS[self.every]

    @property
    def nights_per_block(self) -> int:
        """The number of nights in a block of correlated nights: a week of days, or one month."""
        return _NIGHTS_PER_BLOCK[self.every]

    def cutoff(self, night: date) -> datetime:
        """Return the cutoff of `night` in UTC: features use only what is known at this instant.

        >>> str(Night(hour=2, timezone="America/New_York").cutoff(date(2013, 2, 8)))  # New York is UTC-5 in winter
        '2013-02-08 07:00:00+00:00'
        """
        return periods.cutoff(night, self.hour, self.timezone)

    def nights(self, period: Period) -> tuple[date, ...]:
        """Return the nights of `period` in order, at the cadence of this schedule.

        >>> monthly = Night(hour=2, timezone="UTC", every="month")
        >>> [str(night) for night in monthly.nights(periods.parse("2013-01-15..2013-03-31"))]
        ['2013-02-01', '2013-03-01']
        """
        indices = range(self._index(period.first), self._index(period.last) + 1)
        return tuple(night for night in map(self._from_index, indices) if night in period)

    def latest_decided(self, moment: datetime) -> date:
        """Return the latest night whose cutoff is at or before `moment`, which has a time zone."""
        night = self.previous(moment.date() + timedelta(days=1), 0)
        while self.cutoff(night) > moment:
            night = self.previous(night)
        return night

    def previous(self, night: date, count: int = 1) -> date:
        """Return the night `count` nights before `night`.

        >>> str(Night(hour=2, timezone="UTC", every="month").previous(date(2013, 1, 1)))
        '2012-12-01'
        """
        return self._from_index(self._index(night) - count)

    def count(self, since: date, until: date) -> int:
        """Return the number of nights from `since` to `until`."""
        return self._index(until) - self._index(since)

    def parse(self, text: str) -> Period:
        """Return the period that `text` describes; see `periods.parse`.

        Raises RequestError if `text` is not a period, or if its first or last day is not a night of this cadence.
        """
        period = periods.parse(text)
        for end in (period.first, period.last):
            earlier = self.previous(end, 0)
            if end != earlier:
                raise RequestError(
                    f"expected a night ({self.cadence_text}), got {end}, which is not a night: the night before it is "
                    f"{earlier}, the one after it {self.previous(end, -1)}; use one of these"
                )
        return period

    def missed(self, ingested: Collection[date], until: date) -> tuple[date, ...]:
        """Return the nights before `until` that were not ingested, since the first one that was, in order.

        Only the year before `until` counts: a home of older nights is a demo or an archive and misses none.

        >>> nightly = Night(hour=2, timezone="UTC")
        >>> [str(night) for night in nightly.missed({date(2024, 3, 1), date(2024, 3, 3)}, date(2024, 3, 5))]
        ['2024-03-02', '2024-03-04']
        """
        recent = [night for night in ingested if until - _REMEMBERED <= night < until]
        if not recent or until - _ONE_DAY < min(recent):
            return ()
        return tuple(night for night in self.nights(Period(min(recent), until - _ONE_DAY)) if night not in ingested)

    def check_reached(self, period: Period, moment: datetime) -> Period:
        """Return `period`; raise RequestError while the cutoff of its last night is after `moment`.

        >>> from datetime import UTC
        >>> nightly = Night(hour=2, timezone="UTC")
        >>> nightly.check_reached(  # doctest: +ELLIPSIS
        ...     periods.parse("2013-02-08"), datetime(2013, 2, 8, 1, tzinfo=UTC)
        ... )
        Traceback (most recent call last):
        ml.errors.RequestError: expected a night whose cutoff has passed, got 2013-02-08: its cutoff is at 02:00 UTC on...
        """
        tomorrow = moment.date() + timedelta(days=1)
        if period.last > tomorrow or (period.last >= tomorrow - _TWO_DAYS and self.cutoff(period.last) > moment):
            raise RequestError(
                f"expected a night whose cutoff has passed, got {period.last}: its cutoff is at {self.hour:02}:00 "
                f"{self.timezone} on that day; the latest night is {self.latest_decided(moment)}"
            )
        return period

    def _index(self, day: date) -> int:
        """Return the sequence number of the last night on or before `day`."""
        return day.toordinal() if self.every == "day" else day.year * 12 + day.month - 1

    def _from_index(self, index: int) -> date:
        return date.fromordinal(index) if self.every == "day" else date(index // 12, index % 12 + 1, 1)
