"""The console script answers in sentences."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.cli import main
from include.settings import Settings, load_settings
from include.steps import release_state
from include.stores import warehouse
from ml.rollout.state import RolloutState
from ml.usecase import UseCase


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
        "prune",
        "forget flights --who ann --why three-words-or-more-here --yes",
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


TO_COME = "2031-03-03"


@pytest.mark.parametrize(
    "words",
    [
        f"ingest flights {TO_COME}",
        f"ingest flights 2013-01-01..{TO_COME}",
        "ingest flights 9999-12-31",
        f"features build flights {TO_COME}",
        f"features materialize flights {TO_COME}",
        f"features parity flights {TO_COME}",
        f"publish flights {TO_COME} --why x",
        f"rescore flights 2013-01-01 {TO_COME} --why x",
        f"intraday flights {TO_COME}T12:00:00",
        f"backtest flights --from 2013-02-01 --to {TO_COME}",
        f"run flights --until {TO_COME}",
    ],
)
def test_a_night_to_come_is_refused(home: Settings, words: str) -> None:
    result = CliRunner().invoke(main.app, words.split())
    assert result.exit_code == 1
    assert "that has passed, got" in result.output or "whose cutoff has passed, got" in result.output


def test_a_night_before_the_history_is_ingested_with_a_warning_that_names_the_first(
    home: Settings, taxi: UseCase
) -> None:
    result = CliRunner().invoke(main.app, ["ingest", "taxi", "2024-02-28"])
    assert result.exit_code == 0, result.output
    reported = "2024-02-28 is before the first night of the history of taxi, 2024-03-01"
    assert reported in result.output
    (alert,) = warehouse.alerts(warehouse.engine(home.warehouse_url), "taxi")
    assert reported in alert.message


@pytest.mark.parametrize("value", ["", " ", "/", "/dev/null", "~nobody-of-this-name/home"])
def test_a_home_that_cannot_be_a_folder_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RATCHET_HOME", value)
    load_settings.cache_clear()
    result = CliRunner().invoke(main.app, ["champion"])
    load_settings.cache_clear()
    assert result.exit_code == 1
    assert "expected RATCHET_HOME to name a folder" in result.output


def test_a_home_whose_name_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_HOME", f"/tmp/{'x' * 300}")
    load_settings.cache_clear()
    result = CliRunner().invoke(main.app, ["champion"])
    load_settings.cache_clear()
    assert (result.exit_code, "Traceback" in result.output) == (1, False)


def test_serving_from_a_home_that_is_not_there_says_so(bare: Path) -> None:
    result = CliRunner().invoke(main.app, ["serve", "flights"])
    assert result.exit_code == 1
    assert f"nothing has run in this home yet: expected packages and routes in {bare}" in result.output


def test_without_a_champion_there_is_nothing_to_route(home: Settings) -> None:
    result = CliRunner().invoke(main.app, ["sync-routing", "flights"])
    assert (result.exit_code, result.output.startswith("flights has no champion yet")) == (1, True)


def test_a_route_to_a_package_that_is_gone_says_so(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    routed = RolloutState(use_case="flights", champions=("c" * 64,))
    monkeypatch.setattr(release_state, "current", lambda _: routed)
    monkeypatch.setattr(release_state, "sync", lambda _: ())
    result = CliRunner().invoke(main.app, ["sync-routing", "flights"])
    assert result.exit_code == 1
    assert f"the ledger routes flights to the package {'c' * 64}, which is not in {home.packages}" in result.output


def test_a_full_disk_is_a_sentence_and_a_bug_is_not(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: Exception) -> None:
        raise error

    monkeypatch.setattr(warehouse, "open_existing", lambda _: fail(OSError(28, "No space left on device", "/data/x")))
    result = CliRunner().invoke(main.app, ["champion"])
    assert (result.exit_code, result.output.startswith("the disk of /data/x is full")) == (1, True)
    monkeypatch.setattr(warehouse, "open_existing", lambda _: fail(KeyError("a bug")))
    assert isinstance(CliRunner().invoke(main.app, ["champion"]).exception, KeyError)
