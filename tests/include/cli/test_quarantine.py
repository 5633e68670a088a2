"""`ratchet quarantine` lists quarantined rows with reasons, and says what is left to do after reprocessing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from include.cli import main
from include.settings import Settings
from include.steps import ingest
from include.steps.features import build
from ml.usecase import UseCase

BROKEN = "2024-03-10"
Ask = Callable[..., Result]


@pytest.fixture
def ask(home: Settings, taxi: UseCase) -> Ask:
    """A function that runs `ratchet quarantine` in a home with one night, which has one quarantined row."""
    ingest.ingest("taxi", BROKEN)
    build.build("taxi", BROKEN)
    return lambda *words: CliRunner().invoke(main.app, ["quarantine", *words], env={"COLUMNS": "160"})


def test_what_is_held_is_listed_with_the_commonest_reason_of_its_rows(ask: Ask) -> None:
    said = ask("list", "taxi")
    assert said.exit_code == 0, said.output
    (line,) = [each for each in said.output.splitlines() if "bookings.csv" in each]
    assert line.split()[:5] == [BROKEN, "bookings.csv", "ingested", "60", "1"]
    assert "kilometres: expected a finite number, got 'far' (1)" in line


def test_held_rows_are_shown_as_they_came(ask: Ask) -> None:
    said = ask("show", "taxi", BROKEN)
    assert "bookings.csv, line 2: kilometres: expected a finite number, got 'far'" in said.output
    assert said.output.endswith("1 of 1 rows\n")


def test_a_replay_says_what_became_valid_and_that_it_waits_for_its_scores(ask: Ask, home: Settings) -> None:
    assert f"{BROKEN}: 1 rows were quarantined, now 1\n" == ask("reprocess", "taxi").output
    path = Path(home.landing) / "taxi" / BROKEN / "bookings.csv"
    path.write_text(path.read_text().replace("far", "7"))
    said = ask("reprocess", "taxi").output
    assert f"{BROKEN}: 1 rows were quarantined, now 0" in said
    assert f"but no scores yet: trigger the DAG taxi_score for {BROKEN} to publish them" in said
    assert ask("reprocess", "taxi").output == "nothing is quarantined, so nothing was validated again\n"
    assert ask("list", "taxi").output == "nothing is quarantined\n"
