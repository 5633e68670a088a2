"""The console script answers in sentences."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.cli import main
from include.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(
            ["champion"], 1, "has had no champion: `make run` trains and releases the first", id="no champion yet"
        ),
        pytest.param(["champion", "nothing"], 1, "expected one of the use cases", id="no such use case"),
        pytest.param(["run", "nothing"], 1, "expected one of the use cases", id="nothing to run"),
        pytest.param(
            ["run", "flights", "--until", "2013-01-31"],
            1,
            "2013-02-01..2013-01-31 runs backwards",
            id="no nights to play",
        ),
        pytest.param(["check"], 0, "coherent", id="the use cases"),
        pytest.param(["down"], 0, "nothing was running", id="nothing to stop"),
    ],
)
def test_each_word_ends_with_a_sentence_and_a_code(home: Settings, words: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == code, result.output
    assert said in result.output.replace("\n", " ")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home in which nothing has ever run."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "bare"))
    load_settings.cache_clear()
    yield tmp_path / "bare"
    load_settings.cache_clear()


@pytest.mark.parametrize(
    "words",
    [
        "champion",
        "ledger",
        "ledger verify",
        "ledger show",
        "quarantine list",
        "model-card check flights 2013-02-01",
        "quarantine show flights 2013-02-01",
        "quarantine reprocess",
        "data as-of flights 2013-02-01",
        "data as-of flights 1 --table valid/schedule",
        "data vacuum flights",
        "features materialize flights 2013-02-01",
        "features parity flights 2013-02-01",
    ],
)
def test_a_home_in_which_nothing_ran_says_so_and_stays_untouched(bare: Path, words: str) -> None:
    result = CliRunner().invoke(main.app, words.split())
    assert result.exit_code == 1
    assert result.output.startswith(f"nothing has run in this home yet: expected its warehouse at sqlite:///{bare}/")
    assert "`ratchet ingest <use case> <night>` creates one" in result.output
    assert not bare.exists()


def test_the_generated_page_is_up_to_date() -> None:
    result = CliRunner().invoke(main.app, ["docs", "--check"])
    assert result.exit_code == 0, result.output
