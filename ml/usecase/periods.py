"""Nights and periods of nights: parsing, iteration and cutoffs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ml.errors import RequestError

_PERIOD = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?")


@dataclass(frozen=True, slots=True)
class Period:
    """A single night, or a window of consecutive nights that is processed at once; both ends are included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise RequestError(
                f"a period ends on or after the night it starts with, but {self.first}..{self.last} runs backwards"
            )

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    def __contains__(self, night: date) -> bool:
        return self.first <= night <= self.last

    def __str__(self) -> str:
        return f"{self.first}" if self.is_single_night else f"{self.first}..{self.last}"

    @property
    def is_single_night(self) -> bool:
        """Whether this is a single night, whose files land one by one, and not a history in bulk."""
        return self.first == self.last


def parse(text: str) -> Period:
    """Return the period that `text` describes: a night, or a window of nights.

    Raises RequestError if the text is neither.

    >>> str(parse("2013-02-08")), len(list(parse("2013-01-01..2013-01-31")))
    ('2013-02-08', 31)
    """
    match = _PERIOD.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        first = date.fromisoformat(match[1])
        last = date.fromisoformat(match[2] or match[1])
    except ValueError:
        raise RequestError(
            f"expected a night (2013-02-08) or a window of nights (2013-01-01..2013-01-31), got {text!r}"
        ) from None
    return Period(first, last)


def cutoff(night: date, hour: int, timezone: str) -> datetime:
    """Return the cutoff of `night` in UTC: `hour` o'clock in `timezone`.

    If daylight saving time skips that hour, the UTC offset before the change applies. If the hour occurs twice, the
    first occurrence counts. Both are the meaning of fold=0 in PEP 495.

    >>> str(cutoff(date(2013, 3, 10), 2, "America/New_York"))  # 2 o'clock was skipped that night
    '2013-03-10 07:00:00+00:00'
    """
    return datetime.combine(night, time(hour), tzinfo=ZoneInfo(timezone)).astimezone(UTC)
