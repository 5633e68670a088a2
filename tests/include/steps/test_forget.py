"""A use case is forgotten wholly, the others not at all, and an interruption changes nothing of either."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from include import installation
from include.cli import main
from include.settings import Settings
from include.steps import forget, ingest, train
from include.steps.features import build
from include.stores import ledger, registry, report_paths, request_log, routing_store, warehouse
from include.stores.files import atomic, object_trees
from include.stores.registry import removal
from include.stores.warehouse import Alert, tables
from include.stores.warehouse import retention as rows_by_night
from ml.errors import RequestError, SetupError
from ml.governance.ledger_entries import EntryKind, Frozen
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import enter
from tests.made_once import Once
from tests.unsigned import package

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow's own

NIGHT = "2024-03-05"
WHO = ("ann", "it was only a test")


def live(settings: Settings, use_case: str, night: str, answer: float) -> None:
    """Ingest a night and leave one of everything else that a use case leaves."""
    ingest.ingest(use_case, night)
    build.build(use_case, night)
    day = periods.parse(night).last
    for path in (
        report_paths.drift_report(settings.reports, use_case, day),
        report_paths.backtests(settings.reports, use_case) / "one" / "index.html",
        routing_store.path_of(settings.routes, use_case),
        settings.feature_store / use_case / "snapshots" / "newest.json",
        settings.candidate_files / use_case / night / "plan",
        settings.studies / use_case / "study.log",
        settings.backtests / use_case / "ages.json",
        settings.prediction_log / use_case / "left.txt",
        settings.airflow_home / "logs" / f"dag_id={use_case}_score" / "1.log",
    ):
        atomic.write(path, b"{}")
    digest, files = package(answer)
    manifest = f'{{"facts": {{"use_case": "{use_case}", "night": "{night}"}}}}'
    atomic.write(settings.packages / digest / "manifest.json", manifest.encode())
    run = registry.log_training(settings, use_case, day, {"package": digest}, {}, {"card.md": b"card"})
    registry.register(settings, use_case, digest, files, pd.DataFrame({"visits": [1.0, 2.0]}), run_id=run)


@pytest.fixture
def two(once: Once, prepared_home: Path, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own with two use cases; its artifacts are inside, where MLflow knows them."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))  # put back at the end, whatever `enter` sets
    settings = enter(shutil.copytree(prepared_home, tmp_path / "home"))
    live(settings, "taxi", NIGHT, 0.25)
    live(settings, "gym", "2023-01-01", 0.5)
    atomic.write(settings.reports / "run.json", b'{"use_case": "taxi"}')
    return settings


def run(settings: Settings, **options: bool) -> dict[str, int | None]:
    parts = forget.forget(installation.current(), "taxi", *WHO, **options)
    return {each.name: each.items for each in parts}


def files_of(settings: Settings, use_case: str) -> list[str]:
    """Return the files whose path names the use case, without databases."""
    names = object_trees.sizes(settings.home)
    return sorted(
        name
        for name in names
        if any(part.startswith(use_case) or part == f"dag_id={use_case}_score" for part in name.split("/"))
    )


def rows_of(settings: Settings, use_case: str) -> dict[str, int]:
    engine = warehouse.engine(settings.warehouse_url)
    counted = (table for table in tables.METADATA.tables.values() if table is not tables.ledger)
    with engine.connect() as connection:
        return {
            each.name: connection.scalar(
                sa.select(sa.func.count()).select_from(each).where(each.c.use_case == use_case)
            )
            or 0
            for each in counted
        }


def test_everything_of_it_goes_but_the_landed_files_and_everything_else_stays(two: Settings) -> None:
    others, rows = files_of(two, "gym"), rows_of(two, "gym")
    assert rows["files"]
    run(two)
    assert files_of(two, "gym") == others
    assert rows_of(two, "gym") == rows
    assert [name for name in files_of(two, "taxi") if not name.startswith("landing/")] == []
    assert any(name.startswith("landing/") for name in files_of(two, "taxi"))
    assert set(rows_of(two, "taxi").values()) == {0}
    assert removal.runs(two, "taxi") == ()
    assert len(removal.runs(two, "gym")) == 1
    assert len(list(two.packages.iterdir())) == 1
    assert not (two.reports / "run.json").exists()
    (entry,) = ledger.entries(warehouse.engine(two.warehouse_url), "taxi", EntryKind.FORGOTTEN, forgotten=True)
    assert entry.payload == {"who": WHO[0], "why": WHO[1], "landing": False}


def test_the_next_run_begins_anew(two: Settings) -> None:
    engine = warehouse.engine(two.warehouse_url)
    run(two)
    assert ingest.ingest("taxi", NIGHT)["rows_in"] > 0
    build.build("taxi", NIGHT)
    (validated,) = ledger.entries(engine, "taxi", EntryKind.VALIDATED)
    assert validated.payload["versions"] == {"bookings": 0, "rides": 0, "traffic": 0}
    assert train.prepare("taxi", NIGHT, train.BOOTSTRAP) == []  # too few nights: a verdict, as for any first model
    assert len(ledger.entries(engine, "taxi", EntryKind.JUDGED)) == 1
    ledger.verify(engine)


def test_the_landed_files_go_when_asked_even_later(two: Settings) -> None:
    run(two)
    assert run(two, landing=True)["landing"]
    assert files_of(two, "taxi") == []
    entries = ledger.entries(warehouse.engine(two.warehouse_url), "taxi", EntryKind.FORGOTTEN, forgotten=True)
    assert [each.payload["landing"] for each in entries] == [False, True]


@pytest.mark.parametrize("after", [1, 4, 9, 10, 11])
def test_an_interrupted_run_is_completed_by_the_same_command(
    two: Settings, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = forget.forget(installation.current(), "taxi", *WHO)
    for _ in range(after):
        next(parts)
    parts.close()
    run(two)
    assert [name for name in files_of(two, "taxi") if not name.startswith("landing/")] == []
    assert set(rows_of(two, "taxi").values()) == {0}
    entries = ledger.entries(warehouse.engine(two.warehouse_url), "taxi", EntryKind.FORGOTTEN, forgotten=True)
    assert len(entries) == 1


@pytest.mark.parametrize(
    ("name", "who", "why", "message"),
    [
        ("../gym", *WHO, "expected the name of a use case, in lower case, got '../gym'"),
        ("", *WHO, "expected the name of a use case"),
        ("taxi", "", WHO[1], "to forget a use case needs a name and"),
        ("taxi", "ann", "so", "in 3 words or more, a reason"),
    ],
)
def test_a_name_that_is_none_or_no_reason_removes_nothing(
    home: Settings, name: str, who: str, why: str, message: str
) -> None:
    atomic.write(Path(home.landing) / "taxi" / NIGHT / "rides.csv", b"x")
    with pytest.raises(RequestError, match=message):
        list(forget.forget(installation.current(), name, who, why, landing=True))
    assert (Path(home.landing) / "taxi" / NIGHT / "rides.csv").exists()


def test_a_server_that_answers_for_it_is_to_be_stopped_first(home: Settings) -> None:
    log = request_log.RequestLog(home.prediction_log / "taxi", segment_bytes=4096)
    try:
        with pytest.raises(SetupError, match=r"expected nothing of taxi to run .*a server answers for taxi"):
            list(forget.forget(installation.current(), "taxi", *WHO))
        assert list(forget.forget(installation.current(), "gym", *WHO))
    finally:
        log.close()


@pytest.mark.parametrize(("typed", "code"), [("taxi", 0), ("taxy", 1), ("", 1)])
def test_the_name_is_to_be_typed(home: Settings, typed: str, code: int) -> None:
    path = Path(home.lake) / "taxi" / "x"
    atomic.write(path, b"x")
    words = ["forget", "taxi", "--who", WHO[0], "--why", WHO[1]]
    result = CliRunner().invoke(main.app, words, input=f"{typed}\n")
    assert result.exit_code == code, result.output
    assert path.exists() == bool(code)
    assert CliRunner().invoke(main.app, [*words, "--yes"]).exit_code == 0
    assert not path.exists()


def test_rows_are_deleted_by_night_and_a_period_counts_for_its_last(two: Settings) -> None:
    engine, night = warehouse.engine(two.warehouse_url), periods.parse(NIGHT).last
    counted = rows_by_night.count_by_night(engine, tables.files, "taxi")
    assert counted == {night: 3}
    assert rows_by_night.delete_nights(engine, tables.files, "taxi", []) == 0
    assert rows_by_night.delete_nights(engine, tables.files, "taxi", [night]) == 3
    assert rows_by_night.count_by_night(engine, tables.files, "taxi") == {}
    assert rows_of(two, "gym")["files"]


def test_the_models_of_all_horizons_go_with_their_use_case(two: Settings) -> None:
    leave_model(two, "taxi-live")
    leave_model(two, "taxi-former")  # of a horizon that is declared no more
    engine = warehouse.engine(two.warehouse_url)
    gym = files_of(two, "gym")
    run(two)
    assert [name for name in files_of(two, "taxi") if not name.startswith("landing/")] == []
    assert {*rows_of(two, "taxi-live").values(), *rows_of(two, "taxi-former").values()} == {0}
    assert ledger.entries(engine, "taxi-live") == ledger.entries(engine, "taxi-former") == ()
    assert files_of(two, "gym") == gym


def leave_model(settings: Settings, name: str) -> None:
    """Leave an entry of the ledger, an alert and files of a model."""
    engine, night = warehouse.engine(settings.warehouse_url), periods.parse(NIGHT).last
    for path in (
        routing_store.path_of(settings.routes, name),
        settings.prediction_log / name / "left.txt",
        settings.candidate_files / name / NIGHT / "plan",
        settings.airflow_home / "logs" / f"dag_id={name}_score" / "1.log",
    ):
        atomic.write(path, b"{}")
    ledger.append(
        engine,
        kind=EntryKind.FROZEN,
        use_case=name,
        night=None,
        subject=name,
        payload=Frozen(since="2024-01-01T00:00:00+00:00", until="2024-01-08T00:00:00+00:00", who="ann", why="storms"),
        key=f"{name}:frozen",
    )
    alert = Alert(use_case=name, night=night, kind="trigger", subject="model", message="it lost")
    warehouse.raise_alert(engine, alert)
