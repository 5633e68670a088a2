"""What a file says does not depend on the clock: words and bare numbers are no instants and no dates."""

import pytest

from tests.cases.conftest import ToyNight

HEADER = b"ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at\n"


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "today",
        "2024",
        "20240316",
        "TODAY",
    ],
)
def test_a_word_or_a_bare_number_is_no_instant(rides: ToyNight, text: str) -> None:
    rides.ingest(rides_csv=HEADER + f"2024-03-17,1,north,{text},d1,12,2024-03-16T21:00:00Z\n".encode())
    assert rides.reasons("rides") == [f"pickup_at: expected an ISO 8601 instant, got {text!r}"]
    assert rides.valid("rides").empty


def test_a_word_is_no_date(rides: ToyNight) -> None:
    rides.ingest(rides_csv=HEADER + b"today,1,north,2024-03-16T20:00:00Z,d1,12,2024-03-16T21:00:00Z\n")
    (reason,) = rides.reasons("rides")
    assert reason.startswith("ride_date: ")
    assert "'today'" in reason
    assert rides.valid("rides").empty


def test_the_same_bytes_taken_twice_are_the_same_rows(rides: ToyNight) -> None:
    lines = [f"2024-03-17,{n},north,{text},d1,12,2024-03-16T21:00:00Z\n" for n, text in enumerate(["now", "today"])]
    taken = []
    for _ in range(2):
        rides.ingest(rides_csv=HEADER + "".join(lines).encode())
        taken.append(rides.valid("rides").reindex(columns=["ride", "pickup_at"]).to_csv(index=False))
    assert taken[0] == taken[1]
