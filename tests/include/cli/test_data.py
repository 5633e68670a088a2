"""`ratchet data` answers in tables, files and sentences."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from include.cli import main
from include.settings import Settings
from include.steps import ingest
from include.steps.features import build
from ml.usecase import UseCase

NIGHT = "2024-03-01"


@pytest.fixture
def ask(home: Settings, taxi: UseCase) -> Callable[..., Result]:
    """A function that asks `ratchet data` in a home with one night."""
    ingest.ingest("taxi", NIGHT)
    build.build("taxi", NIGHT)
    return lambda *words: CliRunner().invoke(main.app, ["data", *words], env={"COLUMNS": "160"})


def test_a_night_shows_every_version_that_was_named(ask: Callable[..., Result]) -> None:
    said = ask("as-of", "taxi", NIGHT)
    assert said.exit_code == 0, said.output
    lines = [line.split() for line in said.output.splitlines()]
    assert ["ingest", "valid/rides", "0", "ledger", "entry", "1"] in lines
    assert ["features", "valid/rides", "0", "lineage", "features/entities@0"] in lines


@pytest.mark.parametrize("moment", [NIGHT, "0"], ids=["a night", "a version"])
def test_rows_are_shown_with_the_class_of_each_column(ask: Callable[..., Result], moment: str) -> None:
    said = ask("as-of", "taxi", moment, "--table", "valid/rides")
    assert said.exit_code == 0, said.output
    assert "valid/rides, version 0: " in said.output
    lines = [line.split() for line in said.output.splitlines()]
    assert ["driver", "personal", "***", "***", "***", "***"] in lines


@pytest.mark.parametrize(("words", "masked"), [((), True), (("--show-personal",), False)])
def test_all_rows_go_to_a_file(
    ask: Callable[..., Result], tmp_path: Path, words: tuple[str, ...], masked: bool
) -> None:
    out = tmp_path / "rides.parquet"
    said = ask("as-of", "taxi", NIGHT, "--table", "valid/rides", "--out", str(out), *words)
    assert said.exit_code == 0, said.output
    rows = pd.read_parquet(out)
    assert f"{len(rows)} rows of valid/rides as of version 0" in said.output
    assert (set(rows["driver"]) == {"***"}) is masked


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        (("as-of", "taxi", "0"), "expected --table with a version or with --out"),
        (("as-of", "taxi", "2031-01-01"), "expected a night of taxi that was ingested"),
        (("as-of", "taxi", "9", "--table", "valid/rides"), "expected a version of valid/rides from 0 to 0, got 9"),
        (("as-of", "taxi", NIGHT, "--table", "valid/ferries"), "expected one of the tables"),
        (("as-of", "ferries", NIGHT), "expected one of the use cases"),
    ],
)
def test_what_is_not_there_is_refused_with_a_sentence(
    ask: Callable[..., Result], words: tuple[str, ...], reported: str
) -> None:
    said = ask(*words)
    assert said.exit_code == 1
    assert reported in said.output.replace("\n", " ")


def test_a_vacuum_tells_what_is_named_and_what_goes(ask: Callable[..., Result]) -> None:
    ingest.ingest("taxi", NIGHT)
    said = ask("vacuum", "taxi", "--dry-run")
    assert said.exit_code == 0, said.output
    lines = [line.split() for line in said.output.splitlines()]
    assert ["valid/rides", "1", "0"] in lines
    assert "files to remove" in said.output


def test_a_vacuum_that_keeps_not_even_a_night_is_refused(ask: Callable[..., Result]) -> None:
    assert ask("vacuum", "taxi", "--keep-nights", "0").exit_code == 2
