"""A home that the release before this one made is upgraded, and goes on as it would have gone on there.

`tests/homes/taxi_0006.tar.xz` was made by that release: the toy's nights up to 25 March 2024, two champions, a rollback, a
challenger that answers as a shadow, and entries of nearly every kind. What its next night came to there is below.
"""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.settings import PROJECT, Settings, load_settings, read_settings
from include.steps import ingest, release_state, upgrade
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.monitor import monitor
from include.steps.score import score
from include.stores import ledger, packages, warehouse
from ml.errors import SetupError
from ml.governance.ledger_entries import STANDING_KINDS, EntryKind
from ml.packaging import package_files
from ml.usecase import UseCase

NIGHT = "2024-03-26"
CHAMPION, SHADOW = "27afd04b3dc1", "ca086ad8ddc9"
SCORES = "d5974aef7e041be5b1e3d16d6c92cbf8fa348cb0743c33aa4dcff1bbddbc765f"  # rounded to 9 places
NOW = datetime(2024, 3, 27, tzinfo=UTC)
# Ends itself, as a power cut would, before the n-th statement that the upgrade sends to the warehouse.
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
import sqlalchemy as sa
from include import usecases
from include.settings import load_settings
from include.steps import upgrade
from include.stores import warehouse
usecases.__path__ = [*usecases.__path__, sys.argv[1]]
settings, left = load_settings(), int(sys.argv[2])
def count(*_):
    global left
    left -= 1
    if left < 0: os.kill(os.getpid(), signal.SIGKILL)
sa.event.listen(warehouse.engine(settings.warehouse_url), "before_cursor_execute", count)
list(upgrade.upgrade(settings, datetime(2024, 3, 27, tzinfo=UTC)))
"""


@pytest.fixture(scope="session")
def former_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home as the earlier release left it, to be copied."""
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(PROJECT / "tests" / "homes" / "taxi_0006.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "home"


@pytest.fixture
def former(former_home: Path, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of this process in a copy of that home."""
    shutil.copytree(former_home, tmp_path / "former")
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "former"))
    load_settings.cache_clear()
    yield load_settings()
    load_settings.cache_clear()


def content(settings: Settings) -> dict[str, object]:
    """Return every row of the warehouse, but for the moment of the upgrade and the digests that depend on it, and the folders."""
    with sqlite3.connect(settings.home / "warehouse.db") as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        rows = {
            name: sorted(map(repr, database.execute(f"SELECT * FROM {name}"))) for name in names if name != "ledger"
        }
        entries = database.execute("SELECT seq, kind, use_case, night, subject, payload, key FROM ledger").fetchall()
    return {
        **rows,
        "ledger": entries,
        "folders": sorted(path.name for path in settings.home.iterdir() if path.is_dir()),
    }


def test_an_upgraded_home_plays_its_next_night_as_the_release_that_made_it(former: Settings, taxi: UseCase) -> None:
    assert list(upgrade.upgrade(former, NOW)) != []
    engine = warehouse.engine(former.warehouse_url)
    last = ledger.entries(engine)[-1].seq
    ingest.ingest("taxi", NIGHT)
    build.build("taxi", NIGHT)
    score.score("taxi", NIGHT)
    assert monitor.measure("taxi", NIGHT)
    ledger.verify(engine)
    assert [each.kind for each in ledger.entries(engine) if each.seq > last] == [
        EntryKind.VALIDATED,
        EntryKind.SCORES_PUBLISHED,
        EntryKind.RETRAINING_DECIDED,
    ]
    rows = warehouse.scores(engine, "taxi", datetime.fromisoformat(NIGHT).date()).itertuples()
    lines = sorted(f"{NIGHT}\t{row.entity}\t{row.model_digest}\t{row.score:.9f}" for row in rows)
    assert (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()) == (60, SCORES)


def test_a_release_under_way_is_where_it_was(former: Settings, taxi: UseCase) -> None:
    list(upgrade.upgrade(former, NOW))
    state = release_state.current(StepContext(case=taxi, settings=former))
    assert state.champion is not None
    assert state.challenger is not None
    assert (state.champion[:12], state.challenger.digest[:12], state.challenger.share) == (CHAMPION, SHADOW, 0.0)


def test_every_entry_of_before_is_read_as_a_kind_of_today(former: Settings) -> None:
    list(upgrade.upgrade(former, NOW))
    assert set(ledger.kinds(warehouse.engine(former.warehouse_url))) == set(EntryKind) - {
        EntryKind.TUNED,
        EntryKind.SNAPSHOT_WITHDRAWN,
        EntryKind.SNAPSHOT_OVERRIDDEN,
        EntryKind.FORGOTTEN,
        EntryKind.PRUNED,
        EntryKind.JUDGED_AGAIN,
        *STANDING_KINDS,
    }


def marks(settings: Settings) -> dict[int | None, int]:
    """Return the number of scores with each mark: 1 is out of sample, 0 in sample, None unknown."""
    with sqlite3.connect(settings.home / "warehouse.db") as database:
        return dict(database.execute("SELECT out_of_sample, COUNT(*) FROM scores GROUP BY 1").fetchall())


def test_scores_of_before_are_marked_by_what_their_packages_learned_from(former: Settings) -> None:
    with sqlite3.connect(former.home / "warehouse.db") as database:
        (digest,) = database.execute("SELECT model_digest FROM scores ORDER BY night LIMIT 1").fetchone()
        learned = package_files.facts(packages.get(former.packages, digest, former.trusted_keys))["used_until"]
        database.execute(  # scores of a night that the model has learned from
            "INSERT INTO scores (night, use_case, entity, model_digest, score, issued_at, features_version) "
            "SELECT ?, use_case, entity, model_digest, score, issued_at, features_version FROM scores "
            "WHERE model_digest = ? AND night = (SELECT MIN(night) FROM scores)",
            (learned, digest),
        )
    said = list(upgrade.upgrade(former, NOW))
    assert "600 scores are marked as in sample or out of sample" in said
    assert marks(former) == {1: 540, 0: 60}
    night = datetime.fromisoformat(str(learned)).date()
    assert set(warehouse.scores(warehouse.engine(former.warehouse_url), "taxi", night)["out_of_sample"]) == {False}


def test_metrics_of_before_are_marked_too_but_for_those_of_a_window_of_nights(former: Settings) -> None:
    list(upgrade.upgrade(former, NOW))
    metrics = warehouse.metrics(warehouse.engine(former.warehouse_url), "taxi", metric="log_loss")
    assert {(each.slice == "all", each.out_of_sample) for each in metrics} == {(True, True), (False, None)}


def test_scores_whose_package_is_gone_stay_unknown_and_the_upgrade_says_so(former: Settings) -> None:
    for each in former.packages.iterdir():
        if each.name.startswith(CHAMPION):
            shutil.rmtree(each)
    said = list(upgrade.upgrade(former, NOW))
    rest = "of 448 it is not known, because their package cannot be read"
    assert f"92 scores are marked as in sample or out of sample; {rest}" in said
    assert marks(former) == {None: 448, 1: 92}
    assert list(upgrade.upgrade(former, NOW)) == []


def test_an_upgrade_says_what_it_did_once(former: Settings) -> None:
    (former.home / "journal").mkdir()
    said = list(upgrade.upgrade(former, NOW))
    assert [each.partition(" is now ")[0].rpartition("/")[2] for each in said[:2]] == ["drafts", "journal"]
    assert said[2:] == [
        "the warehouse was upgraded from schema 0006 to 0010",
        "540 scores are marked as in sample or out of sample",
        "the ledger's 69 entries are intact; older ones are read under today's names",
    ]
    before = content(former)
    assert list(upgrade.upgrade(former, NOW)) == []
    assert content(former) == before


@pytest.mark.parametrize("statements", [0, 3, 8, 14, 20, 26, 32])
def test_an_upgrade_that_is_killed_ends_in_the_same_state(
    statements: int, former: Settings, former_home: Path, tmp_path: Path
) -> None:
    shutil.copytree(former_home, tmp_path / "undisturbed")
    undisturbed = read_settings({"RATCHET_HOME": str(tmp_path / "undisturbed")})
    list(upgrade.upgrade(undisturbed, NOW))
    toys = str(PROJECT / "tests" / "usecases")
    command = [sys.executable, "-W", "ignore", "-c", KILLED, toys, str(statements)]
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(PROJECT)}, cwd=tmp_path, check=False)
    assert ended.returncode == -signal.SIGKILL
    list(upgrade.upgrade(former, NOW))
    assert content(former) == content(undisturbed)


def test_what_is_not_upgraded_is_refused_with_what_to_do(former: Settings) -> None:
    expected = r"the schema 0006 of an earlier release, this one needs 0010: .* run `ratchet upgrade`"
    for opens in (warehouse.open_existing, warehouse.migrate):
        with pytest.raises(SetupError, match=expected):
            opens(former.warehouse_url)


def test_a_home_of_a_later_release_is_refused_and_left_alone(former: Settings) -> None:
    with sqlite3.connect(former.home / "warehouse.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(SetupError, match=r"the schema 0099 of a later release; this release knows schemas up to 0010"):
        list(upgrade.upgrade(former, NOW))


def test_a_folder_that_is_there_under_both_names_is_left_to_a_person(former: Settings) -> None:
    former.candidate_files.mkdir()
    (former.candidate_files / "kept").touch()
    with pytest.raises(
        SetupError, match=r"drafts of an earlier release to .*candidate_files, but that exists, too: keep the one"
    ):
        list(upgrade.upgrade(former, NOW))


def test_where_nothing_ran_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nothing has run in .* yet, so there is nothing to upgrade"):
        list(upgrade.upgrade(read_settings({"RATCHET_HOME": str(tmp_path)}), NOW))


def test_a_variable_under_its_former_name_is_refused_with_its_name_of_today() -> None:
    with pytest.raises(SetupError, match="RATCHET_JOURNAL is the former name of RATCHET_PREDICTION_LOG"):
        read_settings({"RATCHET_JOURNAL": "/somewhere"})


def test_a_former_kind_that_is_written_after_the_upgrade_means_nothing(former: Settings, taxi: UseCase) -> None:
    list(upgrade.upgrade(former, NOW))
    engine = warehouse.engine(former.warehouse_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO ledger SELECT seq + 1, recorded_at, 'shifted', 'taxi', '2024-03-26', 'forged', "
            "'{\"share\":1.0,\"trained\":\"2024-03-21\"}', 'forged', digest, 'forged' FROM ledger ORDER BY seq DESC LIMIT 1"
        )
    assert ledger.entries(engine, "taxi", EntryKind.TRAFFIC_SHIFTED)[-1].subject != "forged"
    state = release_state.current(StepContext(case=taxi, settings=former))
    assert state.challenger is not None
    assert state.challenger.share == 0.0
