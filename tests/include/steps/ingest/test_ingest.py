"""Whatever lands ends valid or quarantined, and a night that cannot be taken leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest
from include.stores import lake, landing, ledger, warehouse
from include.usecases import coherence
from ml.errors import DataError, DeclarationError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Validated
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import NIGHT, STEPS, contents

Arrive = Callable[[str], Settings]


def land(settings: Settings) -> Path:
    """Let the night's files land and return their folder."""
    folder = Path(str(landing.period_location(settings.landing, "taxi", periods.parse(NIGHT))))
    usecases.module("taxi", "source").land(folder, periods.parse(NIGHT), settings.data)
    return folder


def edit(path: Path, row: int, column: str, value: str) -> None:
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows.loc[row, column] = value
    rows.to_csv(path, index=False)


def stage(settings: Settings, stage: str, table: str) -> pd.DataFrame:
    return lake.read(lake.address(settings.lake, "taxi", stage, table), NIGHT, NIGHT)


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("bookings", "kilometres", "1e400", "kilometres: expected a finite number, got '1e400'"),
        ("bookings", "ride_date", "2024-03-18", "expected a row of 2024-03-17, got one of 2024-03-18"),
        ("rides", "minutes_late", "-5", "minutes_late: expected greater_than_or_equal_to"),
        ("rides", "ended_at", "2031-01-01T00:00:00Z", "known only after the cutoff, 2024-03-16 21:30 UTC"),
        ("rides", "ride", "NA", "ride: expected a whole number, got 'NA'"),
        ("traffic", "zone", "moon", "zone: expected isin"),
    ],
    ids=["too large", "of another night", "out of range", "of the future", "NA", "unknown level"],
)
def test_one_bad_row_is_quarantined_and_the_others_are_taken(
    arrive: Arrive, table: str, column: str, value: str, reason: str
) -> None:
    settings = arrive("ingest a night")
    folder = land(settings)
    edit(folder / f"{table}.csv", 3, column, value)
    counts = ingest.ingest("taxi", NIGHT)
    bad = stage(settings, "quarantine", table)
    assert counts["rows_quarantined"] == 1
    assert counts["rows_in"] == counts["rows_valid"] + 1
    assert (bad["line"].tolist(), bad["reasons"].str.startswith(reason).tolist()) == ([5], [True])
    assert value in bad["text"].iloc[0]


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("kilometres", "miles", r"missing: ['kilometres'], not in the contract: ['miles']"),
        ("kilometres", "kilometres,tip", "59 rows"),
    ],
    ids=["a renamed column", "a header longer than its rows"],
)
def test_a_file_that_breaks_its_contract_is_quarantined_whole_and_the_others_are_taken(
    arrive: Arrive, old: str, new: str, reported: str
) -> None:
    settings = arrive("ingest a night")
    path = land(settings) / "bookings.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    ingest.ingest("taxi", NIGHT)
    assert len(stage(settings, "quarantine", "bookings")) == 60
    assert (len(stage(settings, "valid", "bookings")), len(stage(settings, "valid", "rides"))) == (0, 60)


def test_a_missing_file_is_told_and_nothing_of_the_night_is_taken(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("ingest a night")
    (land(settings) / "traffic.csv").unlink()
    monkeypatch.setattr(usecases, "has_module", lambda _, part: part != "source")
    before = contents(settings)
    with pytest.raises(
        DataError, match=r"expected a file of 'traffic' \(traffic.csv, .*\) in .*; land it and run this night again"
    ):
        ingest.ingest("taxi", NIGHT)
    assert contents(settings) == before


def test_a_corrected_file_replaces_the_night_and_is_another_fact(arrive: Arrive) -> None:
    settings = arrive("ingest a night")
    folder = land(settings)
    edit(folder / "bookings.csv", 3, "kilometres", "far")
    for kilometres in ("far", "5", "5"):
        edit(folder / "bookings.csv", 3, "kilometres", kilometres)
        ingest.ingest("taxi", NIGHT)
    reported = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.VALIDATED, subject=NIGHT)
    assert [ledger_entries.read(entry, Validated).rows_quarantined for entry in reported] == [1, 0]
    assert len(stage(settings, "quarantine", "bookings")) == 0


def test_a_label_that_is_neither_yes_nor_no_is_refused_before_it_is_stored(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("ingest a night")
    before = len(lake.read(lake.address(settings.lake, "taxi", "valid", "rides")))
    functions = coherence.functions(usecases.get("taxi")) | {"is_late": lambda minutes_late: minutes_late.fillna(0)}
    monkeypatch.setattr(coherence, "functions", lambda _: functions)
    with pytest.raises(
        DeclarationError, match="the label 'is_late' of 'rides' to be 1 for yes, 0 for no, or missing, got"
    ):
        ingest.ingest("taxi", NIGHT)
    assert len(lake.read(lake.address(settings.lake, "taxi", "valid", "rides"))) == before


def test_a_source_that_fails_is_told_by_file_and_line(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive("ingest a night")
    monkeypatch.setattr(usecases.module("taxi", "source"), "_day", None)
    with pytest.raises(DataError, match=r"the use case 'taxi' fails in .*taxi/source.py, line \d+: TypeError"):
        ingest.ingest("taxi", NIGHT)


def test_what_is_quarantined_is_said_in_an_alert(arrive: Arrive) -> None:
    settings = arrive("ingest")
    STEPS["ingest"]()
    (alert,) = warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi")
    assert alert.message == ("1 rows of bookings.csv quarantined: kilometres: expected a finite number, got 'far' (1)")


def test_the_warehouse_knows_each_label_once(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("features")
    rides = lake.read(lake.address(settings.lake, "taxi", "valid", "rides"))
    known = taxi.schedule.cutoff(periods.parse("2024-03-16").last)
    assert warehouse.count_labels(warehouse.engine(settings.warehouse_url), "taxi", known) == rides["entity"].nunique()


def test_an_unknown_use_case_and_a_malformed_night_are_refused(arrive: Arrive) -> None:
    arrive("ingest")
    with pytest.raises(RequestError, match="expected one of the use cases"):
        ingest.ingest("ferries", NIGHT)
    with pytest.raises(RequestError, match="expected a night"):
        ingest.ingest("taxi", "tonight")
    with pytest.raises(RequestError, match="got 2024-01-15, which is not a night"):
        ingest.ingest("gym", "2024-01-15")
