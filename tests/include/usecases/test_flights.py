"""The flights' files hold what was known by the night's cutoff, and the known errors of the data are quarantined."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from include import usecases
from include.settings import load_settings
from include.usecases import coherence
from include.usecases.flights import source
from include.usecases.flights.usecase import USE_CASE
from ml.ingestion import availability, validation
from ml.ingestion.validation import ValidationResult
from ml.usecase import periods
from tests.landed import rows_of

NIGHTLY = ("schedule", "departures", "outcomes", "weather")
TABLES = (*NIGHTLY, "airports", "planes")
DATA = load_settings().data / "flights"
MOMENTS = {"departures": ("departed_at", 0), "outcomes": ("closed_at", 0), "weather": ("observed_at", 1)}


@cache
def landed(period: str) -> dict[str, pd.DataFrame]:
    """Return the text that lands for a period, by table."""
    with TemporaryDirectory() as folder:
        source.land(Path(folder), periods.parse(period), DATA)
        return {table: rows_of(Path(folder, f"{table}.csv")).well_formed.astype(object) for table in TABLES}


def checked(period: str, table: str) -> ValidationResult:
    declared = USE_CASE.table(table)
    return validation.check(landed(period)[table], coherence.schema_model(USE_CASE, declared), declared.key)


NIGHTS = ["2013-02-08", "2013-03-10", "2013-03-11", "2013-11-03", "2013-11-04", "2013-12-31"]


@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("table", MOMENTS)
def test_nothing_known_after_the_cutoff_is_in_a_nights_files(night: str, table: str) -> None:
    column, hours = MOMENTS[table]
    known = checked(night, table).valid[column] + pd.Timedelta(hours=hours)
    assert known.max() <= pd.Timestamp(USE_CASE.schedule.cutoff(date.fromisoformat(night)))


@pytest.mark.parametrize("night", NIGHTS)
def test_a_schedule_holds_the_days_flights_and_nothing_of_how_they_went(night: str) -> None:
    rows = landed(night)["schedule"]
    assert set(rows["flight_date"]) == {night}
    assert 600 < len(rows) < 1100
    assert not {"arrival_delay_minutes", "departure_hhmm", "tail_number", "air_minutes"} & set(rows.columns)


@pytest.mark.parametrize(
    ("night", "hours"),
    [("2013-03-09", 24), ("2013-03-10", 24), ("2013-03-11", 23), ("2013-11-03", 20), ("2013-11-04", 24)],
    ids=["before", "night of the jump", "the short day", "the long day, of which the data lack five hours", "after"],
)
def test_nights_around_the_change_of_clocks_hold_every_hour_of_weather_once(night: str, hours: int) -> None:
    rows = landed(night)["weather"]
    assert not rows.duplicated(["origin", "observed_at"]).any()
    assert rows.groupby("origin")["observed_at"].nunique().max() == hours


def test_the_hour_that_comes_twice_is_two_observations() -> None:
    observed = set(landed("2013-11-03")["weather"]["observed_at"])
    assert {"2013-11-03T05:00:00Z", "2013-11-03T06:00:00Z"} <= observed


@pytest.mark.parametrize("table", ["departures", "outcomes"])
def test_consecutive_nights_share_no_row_and_lose_none(table: str) -> None:
    days = [f"2013-03-{day:02d}" for day in range(9, 13)]
    together = landed(f"{days[0]}..{days[-1]}")[table]
    apart = pd.concat([landed(day)[table] for day in days])
    key = ["flight_date", "carrier", "flight_number", "origin"]
    assert not apart.duplicated(key).any()
    assert sorted(apart[key].itertuples(index=False)) == sorted(together[key].itertuples(index=False))


def test_landing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        source.land(tmp_path / folder, periods.parse("2013-02-08"), DATA)
    one, two = ([(tmp_path / folder / f"{table}.csv").read_bytes() for table in TABLES] for folder in ("one", "two"))
    assert one == two


def test_a_file_that_has_landed_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "weather.csv").write_text("mine")
    source.land(tmp_path, periods.parse("2013-02-08"), DATA)
    assert (tmp_path / "weather.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{table}.csv" for table in sorted(TABLES)]


@pytest.mark.parametrize(
    ("night", "table", "reason", "rows"),
    [
        ("2013-02-12", "weather", r"wind_speed_mph: expected less_than_or_equal_to\(150.*\), got 1048", 1),
        ("2013-05-09", "weather", "temperature is 30 F or more off the other stations of that hour", 1),
        ("2013-07-27", "schedule", r"destination: expected str_.*got LGA|destination: expected not.*got LGA", 1),
        ("2013-05-09", "weather", "temperature leaps 20 F or more, and back within the next hour", 1),
        ("2013-08-22", "weather", "temperature_f: expected a value, got an empty cell", 1),
        ("2013-02-08", "planes", "got (?:Reciprocating|4 Cycle)|seat_count: expected greater_than_or_equal_to", 41),
    ],
    ids=[
        "wind of 1048 mph",
        "temperature off its neighbours",
        "EWR to LGA",
        "temperature leaps",
        "nothing observed",
        "jets matched to a Cessna or a DC-7",
    ],
)
def test_a_known_error_of_the_data_is_quarantined_with_its_reason(
    night: str, table: str, reason: str, rows: int
) -> None:
    day = date.fromisoformat(night)
    period = f"{day}..{day.replace(day=day.day + 1)}"
    quarantined = checked(period, table).quarantined
    assert len(quarantined) == rows
    assert quarantined["reasons"].str.contains(reason).all()


@pytest.mark.parametrize("night", ["2013-02-08", "2013-02-09", "2013-02-10", "2013-05-24", "2013-12-11"])
@pytest.mark.parametrize("table", NIGHTLY)
def test_a_storm_is_no_error(night: str, table: str) -> None:
    assert len(checked(night, table).quarantined) == 0


def test_half_of_the_flights_of_the_storm_are_cancelled_and_valid() -> None:
    outcomes = checked("2013-02-09..2013-02-10", "outcomes").valid
    storm = outcomes[outcomes["flight_date"] == "2013-02-09"]
    assert 0.4 < storm["departure_hhmm"].isna().mean() < 0.7


def test_a_flight_departs_once_it_has_and_a_cancelled_one_never() -> None:
    night = landed("2013-02-08..2013-02-10")
    departed, ended = (
        night[table].set_index(["flight_date", "carrier", "flight_number", "origin"])
        for table in ("departures", "outcomes")
    )
    cancelled = ended.index[ended["departure_hhmm"] == ""]
    assert len(cancelled) > 100
    assert not cancelled.isin(departed.index).any()
    late = pd.to_numeric(departed["departure_delay_minutes"])
    left, planned = (pd.to_datetime(departed[name]) for name in ("departed_at", "scheduled_departure_at"))
    assert (left - planned == pd.to_timedelta(late, unit="min")).all()
    assert (late < 0).any()


def test_a_departure_whose_delay_contradicts_its_instants_is_quarantined() -> None:
    rows = landed("2013-02-07")["departures"].head(9).copy()
    rows.iloc[4, rows.columns.get_loc("departure_delay_minutes")] = "7777"
    rows.iloc[5, rows.columns.get_loc("departure_delay_minutes")] = "99"
    declared = USE_CASE.table("departures")
    reasons = validation.check(rows, coherence.schema_model(USE_CASE, declared), declared.key).quarantined["reasons"]
    assert len(reasons) == 2
    assert "departure delay contradicts the instants" in reasons.iloc[1]


def test_every_row_of_a_night_may_come() -> None:
    for name in TABLES:
        valid, period = checked("2013-02-08", name).valid, periods.parse("2013-02-08")
        assert set(
            availability.assign_nights(valid, USE_CASE.table(name), USE_CASE.schedule, period).refusal_reasons
        ) <= {""}


def test_a_night_of_another_year_plays_the_same_weekday_of_2013() -> None:
    rows = landed("2026-05-06")["schedule"]
    assert set(rows["flight_date"]) == {"2026-05-06"}
    departures = pd.to_datetime(rows["scheduled_departure_at"], utc=True).dt.tz_convert("America/New_York")
    assert set(departures.dt.strftime("%Y-%m-%d")) == {"2026-05-06"}


def test_the_use_case_is_the_one_that_is_found() -> None:
    assert usecases.get("flights") is USE_CASE


def test_what_is_known_by_a_moment_is_a_part_of_the_next_nights_files(tmp_path: Path) -> None:
    moment = datetime(2013, 2, 8, 18, 15, tzinfo=UTC)
    source.land_known(tmp_path, date(2013, 2, 9), moment, DATA)
    for table, known_at in (("departures", "departed_at"), ("outcomes", "closed_at")):
        known, all_of_it = pd.read_csv(tmp_path / f"{table}.csv"), landed("2013-02-09")[table]
        assert 0 < len(known) < len(all_of_it)
        assert pd.to_datetime(known[known_at]).max() <= moment


def test_what_an_expectation_puts_has_been_seen() -> None:
    weather = source._weather(DATA).rename(columns=source._WEATHER)
    put = {(name, value) for each in USE_CASE.expectations for world in each.variants for name, value in world}
    seen = {(name, value) for name, value in put if name in weather}
    assert seen
    for name, value in seen:
        assert weather[name].min() <= value <= weather[name].max(), f"no model has learned from {name} = {value}"
