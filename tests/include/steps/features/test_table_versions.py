"""Tables as of a night: what was recorded names them, and a vacuum never takes what is named."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, scoring_package
from include.steps.features import build, table_versions
from include.stores import lake, landing, ledger, registry, warehouse
from include.stores.registry import client
from ml.errors import DataError, LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.usecase import UseCase, periods
from tests import recorded
from tests.include.steps.conftest import HISTORY, LAST, NIGHT, STEPS

Arrive = Callable[[str], Settings]


def newest(settings: Settings, stage: str, table: str) -> int:
    return lake.version(lake.address(settings.lake, "taxi", stage, table))


def correct_a_ride(settings: Settings) -> None:
    """Land the night's rides anew, one of them as late as can be."""
    path = Path(str(landing.period_location(settings.landing, "taxi", periods.parse(NIGHT)))) / "rides.csv"
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows.loc[0, "minutes_late"] = "599"
    rows.to_csv(path, index=False)


def scored_and_corrected(arrive: Arrive) -> Settings:
    """Arrive where a night was scored, and after that its rides came anew and its features were built again."""
    settings = arrive("score")
    STEPS["score"]()
    correct_a_ride(settings)
    ingest.ingest("taxi", NIGHT)
    build.build("taxi", NIGHT)
    return settings


def test_a_night_names_the_versions_that_each_stage_read_or_made(arrive: Arrive) -> None:
    arrive("score")
    STEPS["score"]()
    reported = [(each.stage, each.table, each.version) for each in table_versions.list_references("taxi", NIGHT)]
    assert len(reported) == len(set(reported))
    assert set(reported) == {
        *(("ingest", f"valid/{table}", 1) for table in ("bookings", "rides", "traffic")),
        *(("features", f"valid/{table}", 1) for table in ("bookings", "rides", "traffic")),
        ("features", "features/entities", 1),
        ("score", "features/entities", 1),
    }


def test_every_night_of_a_window_has_the_windows_versions(arrive: Arrive) -> None:
    arrive("train")
    assert {(each.stage, each.version) for each in table_versions.list_references("taxi", "2024-03-05")} == {
        ("ingest", 0),
        ("features", 0),
    }


def test_a_training_names_what_it_read_in_the_ledger_and_in_mlflow(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    (judged,) = recorded.verdicts(settings)
    reads = {"features/entities": 0, "valid/bookings": 0, "valid/rides": 0, "valid/traffic": 0}
    assert judged.table_versions == reads
    mlflow = client.connect(settings)
    (experiment,) = (each for each in mlflow.search_experiments() if each.name == "taxi")
    (run,) = mlflow.search_runs([experiment.experiment_id])
    assert {name: value for name, value in run.data.params.items() if name.startswith("reads")} == {
        f"reads.{table}": str(version) for table, version in reads.items()
    }


def test_a_report_names_what_it_read(arrive: Arrive) -> None:
    settings = arrive("monitor")
    STEPS["monitor"]()
    engine = warehouse.engine(settings.warehouse_url)
    (decided,) = ledger.entries(engine, "taxi", EntryKind.RETRAINING_DECIDED)
    read = [each for each in warehouse.table_reads(engine, "taxi", date(2024, 3, 18)) if each.stage == "monitor"]
    assert ledger_entries.read(decided, RetrainingDecided).table_versions == {"features/entities": 2}
    assert [(each.product, each.source_table, each.version) for each in read] == [
        (decided.subject, "features/entities", 2)
    ]


def test_a_night_is_read_as_it_was_scored_whatever_came_later(arrive: Arrive) -> None:
    settings = scored_and_corrected(arrive)
    assert newest(settings, "valid", "rides") > table_versions.version_at("taxi", NIGHT, "valid/rides").version == 1
    assert (
        newest(settings, "features", "entities")
        > table_versions.version_at("taxi", NIGHT, "features/entities").version
        == 1
    )
    then, _ = table_versions.rows("taxi", "valid/rides", 1)
    now, _ = table_versions.rows("taxi", "valid/rides", newest(settings, "valid", "rides"))
    assert then["minutes_late"].max() < 599 == now["minutes_late"].max()


def test_a_score_is_recomputed_from_the_version_that_it_names(arrive: Arrive, taxi: UseCase) -> None:
    settings = scored_and_corrected(arrive)
    issued = warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", date(2024, 3, 17)).set_index("entity")
    (version,) = set(issued["features_version"])
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT, at_version=version)
    again = scoring_package.load(issued["model_digest"].iloc[0], settings).model.predict(rows)
    assert (issued.loc[rows["entity"], "score"].to_numpy() == again).all()


def test_a_vacuum_keeps_every_named_version_bit_for_bit_and_removes_the_others(arrive: Arrive) -> None:
    settings = scored_and_corrected(arrive)
    for minutes in ("far", "farther"):  # nobody takes these in the end: versions that nothing names
        uri = lake.address(settings.lake, "taxi", "valid", "rides")
        lake.replace(uri, periods.parse(NIGHT), lake.read(uri, NIGHT, NIGHT).assign(driver=minutes))
    unnamed = newest(settings, "valid", "rides") - 1
    kept = {
        (each.table, each.version): table_versions.rows("taxi", each.table, each.version)[0]
        for each in table_versions.list_references("taxi")
    }
    reported = table_versions.vacuum("taxi", keep_nights=0, dry_run=True)
    table_versions.rows("taxi", "valid/rides", unnamed)
    assert table_versions.vacuum("taxi", keep_nights=0) == reported
    assert sum(len(each.files) for each in reported if each.table == "valid/rides") == 1
    with pytest.raises(DataError, match=rf"version {unnamed} of valid/rides cannot be read any more"):
        table_versions.rows("taxi", "valid/rides", unnamed)
    for (table, version), rows in kept.items():
        pd.testing.assert_frame_equal(table_versions.rows("taxi", table, version)[0], rows, check_exact=True)


def test_a_vacuum_leaves_what_the_last_nights_needed(arrive: Arrive) -> None:
    scored_and_corrected(arrive)
    assert {each.files for each in table_versions.vacuum("taxi", keep_nights=1)} == {()}


def test_a_model_that_does_not_say_what_it_was_trained_on_stops_the_vacuum(arrive: Arrive) -> None:
    settings = arrive("train")
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.PROMOTED,
        use_case="taxi",
        night=date(2024, 3, 16),
        subject="f" * 64,
        payload=recorded.PROMOTED,
        key="by hand",
    )
    with pytest.raises(LedgerError, match="no ledger entry says which tables the package ffffffffffff of taxi"):
        table_versions.vacuum("taxi", keep_nights=0)


def test_an_alias_on_a_package_that_the_ledger_does_not_know_stops_the_vacuum(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive("train")
    monkeypatch.setattr(registry, "aliased_digests", lambda *_: {"e" * 64})
    with pytest.raises(LedgerError, match="the package eeeeeeeeeeee of taxi"):
        table_versions.vacuum("taxi", keep_nights=0)


@pytest.mark.parametrize(
    ("night", "table", "reported"),
    [
        ("2031-01-01", "valid/rides", r"expected a night of taxi .*from 2024-03-01 to 2024-03-16.*, got 2031-01-01"),
        ("soon", "valid/rides", "expected a night"),
        (LAST, "valid/ferries", r"expected one of the tables \['features/entities', .*'valid/traffic'\], got"),
    ],
)
def test_an_unknown_night_or_table_is_refused(arrive: Arrive, night: str, table: str, reported: str) -> None:
    arrive("train")
    with pytest.raises(RequestError, match=reported):
        table_versions.version_at("taxi", night, table)


def test_a_use_case_without_any_night_is_refused(arrive: Arrive) -> None:
    arrive("ingest")
    with pytest.raises(RequestError, match=r"from none to none\), got 2024-03-16: nothing was recorded"):
        table_versions.list_references("taxi", LAST)


def test_rows_of_an_unknown_table_or_version_are_refused(arrive: Arrive) -> None:
    arrive("train")
    with pytest.raises(RequestError, match=r"expected one of the tables \[.*\], got 'valid/ferries'"):
        table_versions.rows("taxi", "valid/ferries", 0)
    with pytest.raises(DataError, match="expected a version of valid/rides from 0 to 0, got 9"):
        table_versions.rows("taxi", "valid/rides", 9)


def test_personal_columns_are_masked_unless_asked_for(arrive: Arrive) -> None:
    arrive("train")
    masked, classes = table_versions.rows("taxi", "valid/rides", 0)
    shown, _ = table_versions.rows("taxi", "valid/rides", 0, show_personal=True)
    assert set(masked["driver"]) == {"***"}
    assert shown["driver"].str.startswith("d").any()
    assert (classes["driver"], classes["ride"], classes["entity"], classes["zone"]) == (
        "personal",
        "identifier",
        "identifier",
        "plain",
    )


def test_personal_cells_of_a_quarantined_record_are_masked_too(arrive: Arrive) -> None:
    settings = arrive("ingest")
    folder = Path(str(landing.period_location(settings.landing, "taxi", periods.parse(HISTORY))))
    usecases.module("taxi", "source").land(folder, periods.parse(HISTORY), settings.data)
    rows = pd.read_csv(folder / "rides.csv", dtype=str, keep_default_na=False)
    rows.loc[0, ["driver", "zone"]] = "ann-of-the-harbour", "moon"
    rows.to_csv(folder / "rides.csv", index=False)
    STEPS["ingest"]()
    (masked,) = table_versions.rows("taxi", "quarantine/rides", 0)[0]["text"]
    (shown,) = table_versions.rows("taxi", "quarantine/rides", 0, show_personal=True)[0]["text"]
    assert "ann-of-the-harbour" in shown
    assert "ann-of-the-harbour" not in masked
    assert "moon" not in masked  # a row with a broken cell may be shifted
