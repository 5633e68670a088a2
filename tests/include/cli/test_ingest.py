"""`ratchet ingest` takes a night by hand and says what became of every file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from include.cli import main
from include.settings import load_settings
from include.steps import ingest
from include.stores import landing
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import without_a_source

NIGHT = "2024-03-01"
Ask = Callable[..., Result]


@pytest.fixture
def ask(taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """A function that asks `ratchet ingest` for a night of the toy, in a home in which nothing ever ran."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    load_settings.cache_clear()
    yield lambda night=NIGHT: CliRunner().invoke(main.app, ["ingest", "taxi", night], env={"COLUMNS": "160"})
    load_settings.cache_clear()


def folder() -> Path:
    return Path(str(landing.period_location(load_settings().landing, "taxi", periods.parse(NIGHT))))


def spoil(name: str, old: str, new: str) -> None:
    path = folder() / name
    path.write_text(path.read_text().replace(old, new))


def test_a_night_is_taken_into_a_home_of_its_own_and_told_file_by_file(ask: Ask) -> None:
    said = ask()
    assert said.exit_code == 0, said.output
    lines = [line.split() for line in said.output.splitlines()]
    assert [NIGHT, "bookings.csv", "ingested", "60", "0"] in lines
    assert "192 rows in, 192 valid, 0 quarantined; features of 60 entities" in said.output
    assert f"The DAG taxi_score scores them, for {NIGHT}" in said.output


def test_held_rows_are_told_with_their_commonest_reason_and_are_no_failure(ask: Ask) -> None:
    ask()
    spoil("bookings.csv", ",north,", ",norht,")
    said = ask()
    assert said.exit_code == 0, said.output
    assert "zone: expected isin(['north', 'south', 'harbour']), got norht (" in said.output
    assert f"The rows: ratchet quarantine show taxi {NIGHT}" in said.output


@pytest.mark.parametrize(
    ("name", "old", "new", "reported"),
    [
        ("bookings.csv", "kilometres", "miles", "missing: ['kilometres']"),
        ("stray.csv", "", "a", "expected a name that begins with a table's"),
    ],
    ids=["a renamed column", "a file of no table"],
)
def test_a_file_that_is_held_whole_is_told_and_is_a_failure(
    ask: Ask, name: str, old: str, new: str, reported: str
) -> None:
    ask()
    (folder() / name).touch()
    spoil(name, old, new)
    said = ask()
    assert said.exit_code == 1
    assert reported in " ".join(said.output.split())


def test_a_missing_file_is_told_in_a_sentence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_source(monkeypatch)
    said = ask()
    assert said.exit_code == 1
    assert said.output.startswith("expected a file of 'bookings' (bookings.csv, .csv.gz, .parquet or .jsonl) in ")


def test_a_night_that_is_none_is_refused_before_anything_is_made(ask: Ask, tmp_path: Path) -> None:
    said = ask("tonight")
    assert (said.exit_code, "expected a night (2013-02-08)" in said.output) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_it_leaves_what_the_step_leaves(ask: Ask) -> None:
    ask()
    assert ingest.ingest("taxi", NIGHT) == {"rows_in": 192, "rows_valid": 192, "rows_quarantined": 0}
