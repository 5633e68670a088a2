"""When a prediction is made: the instant after which nothing may be known."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml import nights
from ml.errors import DeclarationError
from ml.usecase.declaring import require


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """The horizon of a nightly batch: night D is decided at `hour` o'clock on D in `timezone`."""

    hour: int
    timezone: str

    def __post_init__(self) -> None:
        require(0 <= self.hour <= 23, f"a night's hour is 0 to 23, got {self.hour}")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DeclarationError(
                f"expected an IANA time zone such as 'America/New_York', got {self.timezone!r}"
            ) from None

    def cutoff(self, night: date) -> datetime:
        """Return the UTC instant after which nothing may be known for `night`."""
        return nights.cutoff(night, self.hour, self.timezone)
