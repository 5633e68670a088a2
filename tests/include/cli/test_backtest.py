"""`ratchet backtest` prints the table and where the page is, or how policies are written."""

import re
from pathlib import Path

from typer.testing import CliRunner, Result

from include.cli import main
from include.settings import Settings
from include.steps.backtest import trainings

NIGHTS = ("--from", "2024-03-17", "--to", "2024-04-04", "--workers", "1")


def ask(*words: str) -> Result:
    trainings.source.cache_clear()
    return CliRunner().invoke(main.app, ["backtest", "taxi", *NIGHTS, *words], env={"COLUMNS": "200"})


def test_policies_are_compared_and_the_page_is_named(weeks: Settings) -> None:
    said = ask("--policies", "never,every@6,triggers@6")
    assert said.exit_code == 0, said.output
    assert "gain on never" in said.stdout
    assert "triggers@6: above the threshold new_labels" in said.stdout
    page = re.search(r"The report: (.*)", said.stdout)
    assert page is not None
    assert Path(page[1]).exists()


def test_what_was_trained_before_is_found(weeks: Settings) -> None:
    ask("--policies", "every@6")
    assert "7 trainings, 4 of them reused" in ask("--policies", "every@6,triggers@5").stdout


def test_a_policy_that_cannot_be_read_is_one_sentence(weeks: Settings) -> None:
    said = ask("--policies", "often")
    assert said.exit_code == 1
    assert "expected a policy such as never, every@28" in said.output
    assert "Traceback" not in said.output
