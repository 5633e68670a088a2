"""Nights: the instants at which a use case looks at the world, and the periods that name them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ml.errors import RequestError

_PERIOD = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?")


@dataclass(frozen=True, slots=True)
class Period:
    """One night, or a run of nights taken at once; both ends are included."""

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
        """Whether this is a single night, whose files land one by one, and not a bulk history."""
        return self.first == self.last


def parse(text: str) -> Period:
    """Return the period that a key names: `2013-02-08`, or `2013-01-01..2013-01-31`.

    Raises RequestError when the text is neither.
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
    """Return the UTC instant at which `night` is decided: `hour` o'clock there.

    Where the clock skips that hour, the offset before the jump counts; where the hour comes twice, its first coming
    (both are what `fold=0` means, PEP 495).
    """
    return datetime.combine(night, time(hour), tzinfo=ZoneInfo(timezone)).astimezone(UTC)
