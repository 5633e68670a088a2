"""The command line refuses nights and moments that are still to come."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from include.cli import nights
from ml.errors import RequestError
from ml.usecase import UseCase


def test_nights_to_come_are_refused_and_others_parsed(taxi: UseCase) -> None:
    assert str(nights.past("taxi", "2024-03-17")) == "2024-03-17"
    for text in ("2031-03-03", "2024-03-17..2031-03-03"):
        with pytest.raises(RequestError, match="2031-03-03"):
            nights.past("taxi", text)


def test_a_moment_without_a_zone_is_utc_and_one_to_come_is_refused() -> None:
    assert nights.past_moment(datetime(2024, 3, 17, 12)) == datetime(2024, 3, 17, 12, tzinfo=UTC)  # noqa: DTZ001
    ahead = datetime.now(UTC) + timedelta(hours=1)
    for moment in (ahead, ahead.astimezone(timezone(timedelta(hours=-5)))):
        with pytest.raises(RequestError, match="expected a moment that has passed"):
            nights.past_moment(moment)
