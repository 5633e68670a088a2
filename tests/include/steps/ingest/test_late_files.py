"""Label files that come after their night was taken, in a folder and in a bucket: found by a list, taken once."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.steps.ingest import late_files
from include.steps.ingest import nightly as nightly
from include.steps.score import score
from include.stores import lake, landing, ledger, warehouse
from include.stores.files import locations
from ml.errors import DataError, SetupError
from ml.usecase import Arrival, UseCase, periods
from tests.faults import Fault, Faults
from tests.include.steps.conftest import HISTORY, NIGHT, Night

EARLY, FOLLOWING = 40, "2024-03-18"


def rides(night: Night) -> list[str]:
    return night.fetch("rides.csv").decode().splitlines(keepends=True)


def labels(night: Night) -> dict[str, float]:
    """Return the label of each entity of the night."""
    query = sa.text("SELECT entity, label FROM labels WHERE use_case = 'taxi' AND landed = :night")
    with warehouse.engine(night.where.warehouse_url).connect() as connection:
        return {str(row.entity): float(row.label) for row in connection.execute(query, {"night": NIGHT})}


def names(result: late_files.LateFiles) -> dict[str, list[str]]:
    return {period: list(files) for period, files in result.items()}


@pytest.fixture
def begun(night: Night) -> Night:
    """A night that was taken with the first rides alone; `rides.late.csv` is not there yet."""
    night.place.put("rides.csv", "".join(rides(night)[: EARLY + 1]).encode())
    nightly.run("taxi", NIGHT)
    return night


@pytest.fixture
def others(night: Night, tmp_path: Path) -> bytes:
    """The rides that are not there yet, as a file of their own; asked for before `begun`."""
    header, *lines = rides(night)
    return "".join([header, *lines[EARLY:]]).encode()


def test_a_night_that_was_taken_as_it_landed_has_nothing_late(begun: Night) -> None:
    assert late_files.find("taxi") == late_files.find("taxi", everything=False) == {}
    assert late_files.reingest("taxi") == {}


def test_labels_that_come_late_are_taken_once_as_if_they_had_been_there(others: bytes, begun: Night) -> None:
    assert len(labels(begun)) == EARLY
    begun.place.put("rides.late.csv", others)
    assert names(late_files.find("taxi", everything=False)) == {NIGHT: ["rides.late.csv"]}
    assert late_files.reingest("taxi", [NIGHT])[NIGHT].rows_quarantined == 0
    assert len(labels(begun)) == 60
    assert late_files.find("taxi") == late_files.reingest("taxi") == {}


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_the_same_labels_twice_are_a_duplicate_and_late_no_more(begun: Night) -> None:
    before = labels(begun)
    begun.place.put("rides.again.csv", begun.fetch("rides.csv"))
    assert list(late_files.reingest("taxi")) == [NIGHT]
    assert (begun.files()["rides.again.csv"].status, labels(begun)) == ("duplicate", before)
    assert late_files.find("taxi") == {}


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_labels_changed_in_a_file_as_long_as_before_are_seen_and_taken(begun: Night) -> None:
    was, before = begun.fetch("rides.csv"), labels(begun)
    now = re.sub(rb",[1-5]\d\.0,", b",00.0,", was)
    assert (len(now), now == was) == (len(was), False)
    begun.place.put("rides.csv", now)
    assert names(late_files.find("taxi")) == {NIGHT: ["rides.csv"]}
    late_files.reingest("taxi")
    assert (sum(before.values()) > 0, sum(labels(begun).values()), len(labels(begun))) == (True, 0, EARLY)
    assert late_files.find("taxi") == {}


def test_the_same_bytes_put_again_change_nothing_and_are_told_from_late_ones(begun: Night) -> None:
    engine = warehouse.engine(begun.where.warehouse_url)
    entries = ledger.entries(engine, "taxi")
    begun.place.put("rides.csv", begun.fetch("rides.csv"))
    assert late_files.reingest("taxi") == {}
    assert late_files.find("taxi") == {}
    assert ledger.entries(engine, "taxi") == entries


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_files_taken_before_there_were_stamps_are_compared_once_and_not_taken_again(begun: Night) -> None:
    with warehouse.write_transaction(warehouse.engine(begun.where.warehouse_url)) as connection:
        connection.execute(sa.text("DELETE FROM file_versions"))
    assert NIGHT in late_files.find("taxi")
    assert late_files.reingest("taxi") == {}
    assert late_files.find("taxi") == {}


def test_what_is_not_whole_is_no_label_file_or_is_of_a_night_to_come_is_not_late(begun: Night) -> None:
    for name in ("rides.late.csv.part", ".rides.late.csv", "rydes.csv"):
        begun.place.put(name, b"x")
    landing.period_location(begun.where.landing, "taxi", periods.parse(FOLLOWING)).put("rides.csv", b"x")
    begun.place.child("deeper").put("rides.csv", b"x")
    assert late_files.find("taxi") == {}


@pytest.fixture
def later_bookings(begun: Night) -> bytes:
    """A booking that lands after its night was scored."""
    return b"ride_date,ride,zone,pickup_at,kilometres\n2024-03-17,901,north,2024-03-17T07:00:00Z,3\n"


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_late_files_of_other_tables_are_offered_once_and_the_offer_ends_with_the_ingestion(
    begun: Night, later_bookings: bytes
) -> None:
    begun.place.put("bookings.late.csv", later_bookings)
    assert names(late_files.find("taxi", everything=False)) == {NIGHT: ["bookings.late.csv"]}
    for _ in range(2):
        assert late_files.reingest("taxi") == {}
        assert late_files.offer("taxi", [NIGHT]) == [NIGHT]
    offers = [each.message for each in begun.alerts() if each.kind == late_files.LATE_FILES]
    assert offers == [
        f"bookings.late.csv landed or changed after {NIGHT} was ingested: `ratchet ingest taxi {NIGHT}`, or the DAG "
        "taxi_ingest for this night, ingests it again. New entities get scores; published scores stay"
    ]
    nightly.run("taxi", NIGHT)
    assert [each for each in begun.alerts() if each.kind == late_files.LATE_FILES] == []
    assert late_files.offer("taxi") == []


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_late_files_of_other_tables_are_ingested_where_declared_and_only_new_entities_get_scores(
    begun: Night, later_bookings: bytes, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    score.score("taxi", NIGHT)
    published = warehouse.scores(warehouse.engine(begun.where.warehouse_url), "taxi", periods.parse(NIGHT).last)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, arrival=Arrival(late="ingest")))
    begun.place.put("bookings.late.csv", later_bookings)
    assert late_files.offer("taxi") == []
    assert score.unscored("taxi", NIGHT) == 0
    assert list(late_files.reingest("taxi")) == [NIGHT]
    assert score.unscored("taxi", NIGHT) == 1
    score.score("taxi", NIGHT)
    assert score.unscored("taxi", NIGHT) == 0
    after = warehouse.scores(warehouse.engine(begun.where.warehouse_url), "taxi", periods.parse(NIGHT).last)
    assert len(after) == len(published) + 1
    pd.testing.assert_frame_equal(after[after["entity"].isin(published["entity"])].reset_index(drop=True), published)


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_labels_that_are_taken_away_stay_until_a_person_runs_the_night(begun: Night) -> None:
    begun.remove("rides.csv")
    assert late_files.find("taxi") == {}
    assert len(labels(begun)) == EARLY


def test_a_file_that_comes_back_after_the_night_was_run_without_it_is_late(others: bytes, begun: Night) -> None:
    begun.place.put("rides.late.csv", others)
    late_files.reingest("taxi")
    begun.remove("rides.late.csv")
    ingest.ingest("taxi", NIGHT)
    begun.place.put("rides.late.csv", others)
    assert names(late_files.find("taxi")) == {NIGHT: ["rides.late.csv"]}


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_a_broken_file_is_quarantined_and_told_once(begun: Night) -> None:
    begun.place.put("rides.late.csv", b"what,is,this\n1,2,3\n")
    assert list(late_files.reingest("taxi")) == [NIGHT]
    assert begun.files()["rides.late.csv"].status == "quarantined"
    assert late_files.find("taxi") == {}
    assert len(labels(begun)) == EARLY


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_a_night_of_which_files_were_archived_is_not_taken_without_them(others: bytes, begun: Night) -> None:
    begun.remove("rides.csv")
    begun.place.put("rides.late.csv", others)
    with pytest.raises(
        DataError, match=r"for 2024-03-17, but rides.csv, ingested for it before, .*: put it back and clear"
    ):
        late_files.reingest("taxi")
    assert len(labels(begun)) == EARLY


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_only_the_nights_that_were_told_of_are_taken(others: bytes, begun: Night) -> None:
    place = landing.period_location(begun.where.landing, "taxi", periods.parse(HISTORY))
    place.put("rides.late.csv", b"still growing")
    begun.place.put("rides.late.csv", others)
    assert list(late_files.reingest("taxi", [NIGHT])) == [NIGHT]
    assert names(late_files.find("taxi")) == {HISTORY: ["rides.late.csv"]}


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_scores_stay_and_features_of_later_nights_follow(others: bytes, begun: Night) -> None:
    def held() -> tuple[pd.DataFrame, pd.DataFrame]:
        uri = lake.address(begun.where.lake, "taxi", "features", "entities")
        engine = warehouse.engine(begun.where.warehouse_url)
        return warehouse.scores(engine, "taxi", periods.parse(NIGHT).first), lake.read(uri, FOLLOWING, FOLLOWING)

    score.score("taxi", NIGHT)
    place = Path(str(landing.period_location(begun.where.landing, "taxi", periods.parse(FOLLOWING))))
    usecases.module("taxi", "source").land(place, periods.parse(FOLLOWING), begun.where.data)
    nightly.run("taxi", FOLLOWING)
    issued, built = held()
    begun.place.put("rides.late.csv", others)
    late_files.reingest("taxi")
    pd.testing.assert_frame_equal(held()[0], issued)
    assert (len(held()[1]), held()[1].equals(built)) == (len(built), False)


@pytest.mark.parametrize("night", ["folder"], indirect=True)
def test_a_look_at_recent_nights_leaves_older_ones_to_the_look_at_everything(
    begun: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.period_location(begun.where.landing, "taxi", periods.parse(HISTORY)).put("rides.late.csv", b"x")
    assert names(late_files.find("taxi", everything=False)) == {HISTORY: ["rides.late.csv"]}
    monkeypatch.setattr(late_files, "RECENT_NIGHTS", 10)
    assert late_files.find("taxi", everything=False) == {}
    assert names(late_files.find("taxi")) == {HISTORY: ["rides.late.csv"]}


def test_before_the_first_night_nothing_is_looked_at(home: Settings, taxi: UseCase) -> None:
    assert late_files.find("taxi") == {}


@pytest.mark.servers
@pytest.mark.parametrize("night", ["bucket"], indirect=True)
def test_a_bucket_that_is_away_says_so_and_nothing_is_taken_for_gone(
    begun: Night, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "_ATTEMPTS", 1)
    locations.s3_client.cache_clear()
    faults.inject("GET", "list-type=2", always=Fault.BUSY)
    with pytest.raises(SetupError, match="expected the bucket to answer"):
        late_files.find("taxi")
    faults.clear()
    assert late_files.find("taxi") == {}


def test_months_of_labels_in_one_late_file_are_recorded_under_their_own_nights(home: Settings, gym: UseCase) -> None:
    months, parts = ("2023-02-01", "2023-03-01", "2023-04-01"), list[str]()
    for month in months:
        period = periods.parse(month)
        folder = Path(str(landing.period_location(home.landing, "gym", period)))
        usecases.module("gym", "source").land(folder, period, home.data)
        header, *rows = (folder / "renewals.csv").read_text().splitlines(keepends=True)
        (folder / "renewals.csv").write_text(header)
        parts += rows
    for month in ("2023-01-01", *months):
        nightly.run("gym", month)
    engine = warehouse.engine(home.warehouse_url)
    assert warehouse.count_labels(engine, "gym") == 0
    landing.period_location(home.landing, "gym", periods.parse(months[-1])).put(
        "renewals.late.csv", "".join([header, *parts]).encode()
    )
    assert list(late_files.reingest("gym")) == [months[-1]]
    known = warehouse.labels(engine, "gym", gym.schedule.cutoff(periods.parse(months[-1]).last))
    assert known["night"].astype(str).value_counts().to_dict() == dict.fromkeys(("2023-01-01", *months[:2]), 120)
    assert late_files.find("gym") == {}
