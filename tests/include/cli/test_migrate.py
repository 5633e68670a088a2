"""`ratchet migrate`: what it says before, what it says after, and what it refuses."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from include.cli.main import app
from include.installation import Installation
from include.settings import PROJECT, load_settings
from include.steps import migrate as migration
from include.stores.request_log import RequestLog
from ml.governance.sync_diff import table_digest

Ready = Callable[[], Installation]


@pytest.fixture
def here(lived: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The house that lived, as this process's own."""
    monkeypatch.setenv("RATCHET_HOME", str(lived.settings.home))
    load_settings.cache_clear()
    return lived


def described(house: Installation, folder: Path) -> str:
    """Return the path of a file that says where the house is."""
    path = folder / f"{house.settings.home.name}.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in house.variables.items()))
    return str(path)


def migrate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["migrate", *arguments])


def test_a_dry_run_says_what_would_be_brought_and_brings_nothing(
    here: Installation, ready: Ready, tmp_path: Path
) -> None:
    new = ready()
    reported = migrate("--to", described(new, tmp_path), "--dry-run")
    assert reported.exit_code == 0, reported.output
    assert "packages" in reported.output
    assert "signing keys are not copied" in reported.output
    assert not new.settings.packages.exists()
    assert migrate("--to", described(new, tmp_path), "--dry-run", "--with-secrets", "--no-landing").exit_code == 0


def test_a_house_is_moved_there_and_from_there_and_told_equal(here: Installation, ready: Ready, tmp_path: Path) -> None:
    new = ready()
    for _ in range(2):
        reported = migrate("--to", described(new, tmp_path))
        assert reported.exit_code == 0, reported.output
        assert "NOT EQUAL" not in reported.output
        assert "parts are equal at both ends; the source is unchanged" in reported.output
    reported = migrate("--from", described(new, tmp_path))
    assert (reported.exit_code, "0 copied" in reported.output) == (0, False), reported.output


def test_a_move_that_is_killed_is_ended_by_the_same_command(here: Installation, ready: Ready, tmp_path: Path) -> None:
    new = ready()
    command = [sys.executable, "-m", "include.cli.main", "migrate", "--to", described(new, tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(new.settings.packages.glob("*/*")):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    reported = migrate("--to", described(new, tmp_path))
    assert reported.exit_code == 0, reported.output
    move = migration.create(here, new)
    assert {part.name: table_digest(part.source_rows()) for part in move.parts} == {
        part.name: table_digest(part.copied_rows()) for part in move.parts
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((), "expected either --to FILE or --from FILE", id="neither end"),
        pytest.param(("--to", "a", "--from", "b"), "is the other end of the migration", id="both ends"),
        pytest.param(("--to", "none.env"), "expected a file of variables at none.env", id="no such file"),
    ],
)
def test_another_end_than_one_is_refused(here: Installation, arguments: tuple[str, ...], said: str) -> None:
    reported = migrate(*arguments)
    assert reported.exit_code == 1
    assert said in reported.output


def test_a_house_in_which_something_runs_stays_unless_one_knows_better(
    here: Installation, ready: Ready, tmp_path: Path
) -> None:
    new = ready()
    journal = RequestLog(here.settings.prediction_log / "taxi", segment_bytes=4096)
    try:
        reported = migrate("--to", described(new, tmp_path), "--dry-run")
        assert reported.exit_code == 1
        assert "a server answers for taxi" in reported.output
        assert migrate("--to", described(new, tmp_path), "--assume-idle", "--dry-run").exit_code == 0
    finally:
        journal.close()
        shutil.rmtree(here.settings.prediction_log)
    assert migrate("--to", described(new, tmp_path), "--dry-run").exit_code == 0
