"""An instant far from our time is judged as any other, or refused; none is stored as another instant."""

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.settings import Settings
from tests import landed
from tests.cases.conftest import BOOKINGS, TRAFFIC, ToyNight, Variant
from tests.include.steps.conftest import without_a_source

HEADER = "ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at"
AFTER = "known only after the cutoff, 2024-03-16 21:30 UTC"
STORED = "1677-09-21T00:12:43.145225Z to 2262-04-11T23:47:16.854775Z"


def taken(rides: ToyNight, pickup_at: str, ended_at: str) -> list[str]:
    """Take a ride of our time and one of these instants, and return why rows are held."""
    lines = [
        HEADER,
        "2024-03-17,1,north,2024-03-16T20:00:00Z,d1,12,2024-03-16T21:00:00Z",
        f"2024-03-17,2,south,{pickup_at},d2,0,{ended_at}",
    ]
    rides.ingest(rides_csv="\n".join(lines).encode())
    return rides.reasons("rides")


@pytest.mark.parametrize(
    "ended_at",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31 23:59:59",
        "3000-01-01T00:00:00Z",
        "2024-03-16T21:31:00Z",
    ],
)
def test_an_outcome_of_after_the_cutoff_is_held_however_far_away(rides: ToyNight, ended_at: str) -> None:
    (reason,) = taken(rides, "2024-03-16T20:30:00Z", ended_at)
    assert AFTER in reason or reason == f"ended_at: expected an ISO 8601 instant from {STORED}, got {ended_at!r}"
    assert rides.valid("rides")["ride"].tolist() == [1]


@pytest.mark.parametrize("pickup_at", ["0001-01-01T00:00:00Z", "2262-04-12T00:00:00Z"])
def test_an_instant_that_cannot_be_held_is_refused(rides: ToyNight, pickup_at: str) -> None:
    (reason,) = taken(rides, pickup_at, "2024-03-16T21:00:00Z")
    assert reason.startswith("pickup_at: ")
    assert pickup_at in reason
    assert rides.valid("rides")["ride"].tolist() == [1]


def test_instants_of_96_bits_are_read_as_they_are() -> None:
    instants = pa.array([datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)], pa.timestamp("us"))
    file = io.BytesIO()
    pq.write_table(pa.table({"at": instants}), file, use_deprecated_int96_timestamps=True)
    read = landed.rows("rides.parquet", file.getvalue()).well_formed["at"]
    assert [text[:19] for text in read] == ["9999-12-31T00:00:00", "0001-01-01T00:00:00"]


def test_a_declared_never_is_known_before_no_cutoff(
    home: Settings, variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = {
        '            known_at="ended_at",': '            known_at="ended_at",\n            never=("infinity", "9999-12-31"),'
    }
    without_a_source(monkeypatch)
    night = ToyNight(
        settings=home,
        case=variant("taxi", "endless", {"usecase": declared}),
        night="2024-03-17",
        default_files={"bookings.csv": BOOKINGS, "traffic.csv": TRAFFIC},
    )
    assert taken(night, "2024-03-16T20:30:00Z", "infinity") == [
        "ended_at: expected a time that comes, got 'infinity', which means never"
    ]
    assert night.valid("rides")["ride"].tolist() == [1]
