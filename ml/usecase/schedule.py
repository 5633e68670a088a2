"""When a prediction is made: the instant after which nothing may be known, and how often that comes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml.errors import DeclarationError, RequestError
from ml.usecase import periods
from ml.usecase.declaration import check
from ml.usecase.periods import Period

Cadence = Literal["day", "month"]

_CADENCE_TEXTS: dict[Cadence, str] = {"day": "every night", "month": "the first of each month"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """The horizon of a nightly batch: night D is decided at `hour` o'clock on D in `timezone`.

    `every` is the cadence: each day is a night, or only the first of each month. Whatever is counted in nights
    (`judged_nights`, `window_nights`, `cooldown_nights`, ...) counts nights of this cadence.
    """

    hour: int
    timezone: str
    every: Cadence = "day"

    def __post_init__(self) -> None:
        check(0 <= self.hour <= 23, f"a night's hour is 0 to 23, got {self.hour}")
        cadences = get_args(Cadence)
        check(self.every in cadences, f"a night comes every one of {cadences}, got {self.every!r}")
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

    def cutoff(self, night: date) -> datetime:
        """Return the UTC instant after which nothing may be known for `night`."""
        return periods.cutoff(night, self.hour, self.timezone)

    def nights(self, period: Period) -> tuple[date, ...]:
        """Return the nights of `period`, in order; a day between two nights is none."""
        indices = range(self._index(period.first), self._index(period.last) + 1)
        return tuple(night for night in map(self._from_index, indices) if night in period)

    def latest_decided(self, moment: datetime) -> date:
        """Return the night that was decided last by `moment` (with a time zone)."""
        night = self.previous(moment.date() + timedelta(days=1), 0)
        while self.cutoff(night) > moment:
            night = self.previous(night)
        return night

    def previous(self, night: date, count: int = 1) -> date:
        """Return the night that lies `count` nights before `night`."""
        return self._from_index(self._index(night) - count)

    def count(self, since: date, until: date) -> int:
        """Return how many nights `until` lies after the night `since`."""
        return self._index(until) - self._index(since)

    def parse(self, text: str) -> Period:
        """Return the period that a key names, whose ends are nights of this cadence.

        Raises RequestError when the text names no period, and, with the nights next to it, when an end is no night.
        """
        period = periods.parse(text)
        for end in (period.first, period.last):
            earlier = self.previous(end, 0)
            if end != earlier:
                raise RequestError(
                    f"expected a night ({self.cadence_text}), got {end}, which is none: the night before it is {earlier}, "
                    f"the one after it {self.previous(end, -1)}; ask for one of those"
                )
        return period

    def _index(self, day: date) -> int:
        """Return the running number of the last night on or before `day`."""
        return day.toordinal() if self.every == "day" else day.year * 12 + day.month - 1

    def _from_index(self, index: int) -> date:
        return date.fromordinal(index) if self.every == "day" else date(index // 12, index % 12 + 1, 1)
