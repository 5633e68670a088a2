"""A name that a line of JSON leaves out is an empty cell, however many lines leave it out."""

import json

import pytest

from tests.cases.conftest import NIGHT, ToyNight


@pytest.mark.parametrize("known", [10, 6, 5, 4, 1, 0])
def test_a_good_row_is_taken_whatever_its_neighbours_leave_out(rides: ToyNight, known: int) -> None:
    always = {
        "ride_date": NIGHT,
        "zone": "north",
        "pickup_at": "2024-03-16T20:00:00Z",
        "ended_at": "2024-03-16T21:00:00Z",
    }
    rows = [always | {"ride": n} | ({"driver": f"d{n}", "minutes_late": 3} if n < known else {}) for n in range(10)]
    rides.ingest(rides_jsonl="".join(json.dumps(row) + "\n" for row in rows).encode())
    assert rides.reasons("rides") == []
    assert rides.valid("rides")["ride"].tolist() == list(range(10))
    assert rides.valid("rides")["driver"].notna().sum() == known
