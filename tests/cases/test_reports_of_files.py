"""The alerts of an ingestion: required tables without rows, reasons by kind, and labels that belong to no entity."""

import pytest

from tests.cases.conftest import NIGHT, ToyNight, Variant

HEADER = "ride_date,ride,zone,pickup_at,kilometres"
RIDES = "ride_date,ride,zone,pickup_at,driver,minutes_late,ended_at"
BOOKED = "2024-03-16T23:00:00Z"


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def ride(number: int) -> str:
    """Return a line of a ride, whose booking has the same number."""
    return f"{NIGHT},{number},north,2024-03-16T20:00:00Z,d1,3,2024-03-16T21:00:00Z"


def messages(night: ToyNight, kind: str) -> dict[str, str]:
    """Return the alerts of one kind by subject."""
    return {each.subject: each.message for each in night.alerts() if each.kind == kind}


def test_a_required_file_with_a_header_and_no_rows_is_an_alert(rides: ToyNight) -> None:
    rides.ingest(bookings_csv=lines(HEADER), rides_csv=lines(RIDES, ride(1)))
    assert "expected rows of bookings, which is required, got none" in messages(rides, "file")["bookings.csv"]


def test_a_required_file_whose_rows_are_all_quarantined_is_a_failed_file(rides: ToyNight) -> None:
    far = (f"{NIGHT},{number},north,{BOOKED},far" for number in range(3))
    rides.ingest(bookings_csv=lines(HEADER, *far), rides_csv=lines(RIDES, ride(1)))
    file = rides.files()["bookings.csv"]
    assert (file.status, file.rows_quarantined) == ("quarantined", 3)
    assert "all 3 rows are quarantined: kilometres: expected a finite number, got 'far' (3)" in file.reason
    assert "expected a valid row of bookings" in messages(rides, "file")["bookings.csv"]


def test_rows_of_one_fault_are_one_reason_whatever_their_values(rides: ToyNight) -> None:
    rows = [f"{NIGHT},{number},north,{BOOKED},far{number}" for number in range(2000)]
    rows += [f"{NIGHT},5000,moon,{BOOKED},3", f"{NIGHT},5001,north,{BOOKED},3"]
    rides.ingest(bookings_csv=lines(HEADER, *rows), rides_csv=lines(RIDES, ride(5001)))
    message = messages(rides, "quarantine")["bookings.csv"]
    assert message.startswith(
        "2001 rows of bookings.csv quarantined: kilometres: expected a finite number (2,000), zone:"
    )
    assert "other reasons" not in message


@pytest.mark.parametrize(("matched", "alerts"), [(0, True), (4, True), (5, False), (10, False)])
def test_labels_few_of_which_belong_to_an_entity_are_an_alert_with_two_examples(
    rides: ToyNight, matched: int, alerts: bool
) -> None:
    booked = [f"{NIGHT},{number},north,{BOOKED},3" for number in range(10)]
    landed = [ride(number if number < matched else 1000 + number) for number in range(10)]
    rides.ingest(bookings_csv=lines(HEADER, *booked), rides_csv=lines(RIDES, *landed))
    result = messages(rides, "labels")
    assert bool(result) is alerts
    if alerts:
        assert result["rides"].startswith(f"{matched} of 10 labels match: `{NIGHT}|{1000 + matched}` against `{NIGHT}|")


def test_no_id_of_a_person_is_an_example(rides: ToyNight, variant: Variant) -> None:
    personal = {"usecase": {'personal=(Personal(column="driver"),)': 'personal=(Personal(column="ride"),)'}}
    case = variant("taxi", "people", personal)
    night = ToyNight(settings=rides.settings, case=case, night=NIGHT, default_files=rides.default_files)
    night.ingest(rides_csv=lines(RIDES, ride(7345)))
    (message,) = messages(night, "labels").values()
    assert message.startswith("0 of 1 labels match; ")
    assert "7345" not in message
