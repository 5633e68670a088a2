"""Nights and moments on the command line: those that are still to come are refused."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include import usecases
from ml.errors import RequestError

if TYPE_CHECKING:
    from ml.usecase.periods import Period


def past(use_case: str, text: str) -> "Period":
    """Return the night or window that `text` describes; raises RequestError if it is none or still to come."""
    schedule = usecases.get(use_case).schedule
    return schedule.check_reached(schedule.parse(text), datetime.now(UTC))


def past_moment(moment: datetime) -> datetime:
    """Return `moment`, in UTC unless it has a time zone; raises RequestError if it is still to come."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if aware > datetime.now(UTC):
        raise RequestError(f"expected a moment that has passed, got {aware.isoformat()}: use an earlier one")
    return aware
