"""The console script answers in sentences."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include import cli, settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    settings.load.cache_clear()
    yield tmp_path
    settings.load.cache_clear()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(
            ["champion"], 1, "has had no champion: `make run` trains and releases the first", id="no champion yet"
        ),
        pytest.param(["champion", "nothing"], 1, "expected one of the use cases", id="no such use case"),
        pytest.param(["run", "nothing"], 1, "expected one of the use cases", id="nothing to run"),
        pytest.param(["ledger"], 0, "every entry stands as it was written", id="an empty ledger"),
        pytest.param(["check"], 0, "coherent", id="the use cases"),
        pytest.param(["down"], 0, "nothing was running", id="nothing to stop"),
    ],
)
def test_each_word_ends_with_a_sentence_and_a_code(words: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == code, result.output
    assert said in result.output.replace("\n", " ")


def test_the_generated_page_is_up_to_date() -> None:
    result = CliRunner().invoke(cli.app, ["docs", "--check"])
    assert result.exit_code == 0, result.output
