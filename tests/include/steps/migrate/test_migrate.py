"""A house that has lived is moved: from folders to servers and back, stopped anywhere, refused where it must be."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from mlflow import MlflowClient

from include.installation import Installation
from include.settings import Settings
from include.steps import migrate
from include.stores import approvals, lake, registry, warehouse
from include.stores.files import object_trees
from include.stores.registry import client
from include.stores.signing import dsse
from include.stores.warehouse import rows as whole
from include.stores.warehouse import tables
from ml.errors import DataError, LedgerError, PackageError, RequestError, SetupError
from ml.governance.sync_diff import table_digest
from ml.usecase import periods
from tests.include.steps.conftest import contents
from tests.include.steps.migrate.conftest import NIGHT, decide, house, package, score
from tests.killing import Killed, killed_after

Arrive = Callable[[str], Settings]
Ready = Callable[[], Installation]

SIGNING = sorted({approvals.KEY_FILE, *dsse.KEY_FILES})
WRITES = [
    (object_trees, "copy"),
    (whole, "put"),
    *(
        (MlflowClient, what)
        for what in (
            "create_run",
            "log_batch",
            "log_artifacts",
            "set_terminated",
            "set_tag",
            "create_logged_model",
            "log_model_artifacts",
            "finalize_logged_model",
            "create_registered_model",
            "create_model_version",
            "delete_model_version",
            "set_model_version_tag",
            "delete_model_version_tag",
            "set_registered_model_alias",
        )
    ),
]


def bring(move: migrate.Migration) -> dict[str, int]:
    """Bring everything and return how much of which part that was."""
    brought: dict[str, int] = {}
    for part, count in move.run():
        brought[part.name] = brought.get(part.name, 0) + count
    return brought


def moved(source: Installation, target: Installation, **more: bool) -> migrate.Migration:
    """Return the move, once it was made and both ends are equal."""
    move = migrate.create(source, target, **more)
    bring(move)
    assert [each.part.name for each in move.verify() if not each.is_equal] == []
    return move


def only(move: migrate.Migration, *names: str) -> migrate.Migration:
    return replace(move, parts=tuple(part for part in move.parts if part.name in names))


def digests(move: migrate.Migration) -> dict[str, str]:
    return {part.name: table_digest(part.target_rows()).digest for part in move.parts}


def test_a_house_that_ran_is_moved_and_moved_back_and_is_the_same(arrive: Arrive, ready: Ready) -> None:
    settings = arrive("monitor")
    lived, new, back = house(settings.home), ready(), ready()
    before = contents(settings)
    moved(lived, new)
    moved(new, back)
    assert contents(settings) == contents(new.settings) == contents(back.settings) == before


def test_a_plan_tells_what_would_be_brought_and_makes_nothing(lived: Installation, empty: Installation) -> None:
    reported = {each.part.name: each.new for each in migrate.create(lived, empty).plan()}
    assert (reported["registry"], reported["ledger"], reported["scores"], reported["packages"]) == (6, 2, 3, 9)
    for url in (empty.settings.warehouse_url, empty.settings.mlflow_url):
        path = sa.make_url(url).database if url.startswith("sqlite") else None
        assert not Path(path).exists() if path else sa.inspect(warehouse.engine(url)).get_table_names() == []
    assert not empty.settings.home.exists()


def test_every_part_arrives_and_comes_back(lived: Installation, empty: Installation, ready: Ready) -> None:
    move = moved(lived, empty, secrets=True)
    assert (
        min(
            each.target.count
            for each in move.verify()
            if each.part.name not in ("prediction_log", "labels", "files", "file_versions", "ingestions")
        )
        > 0
    )
    back = moved(empty, ready(), secrets=True)
    assert digests(back) == digests(move)


def test_a_pinned_version_is_read_there_as_it_was_here(lived: Installation, empty: Installation) -> None:
    bring(only(migrate.create(lived, empty), "lake"))
    here, there = (lake.address(each.settings.lake, "taxi", "valid", "rides") for each in (lived, empty))
    for version in range(3):
        pd.testing.assert_frame_equal(lake.read(here, at_version=version), lake.read(there, at_version=version))
    row = pd.DataFrame({"night": ["2024-03-02"], "value": [9.0]})
    assert lake.replace(there, periods.parse("2024-03-02"), row) == 3
    assert lake.version(here) == 2


def test_the_registry_knows_its_versions_by_number_and_goes_on_counting(lived: Installation, ready: Ready) -> None:
    new = ready()
    move = moved(lived, new)
    mlflow = client.connect(new.settings)
    versions = {int(each.version): each.tags for each in mlflow.search_model_versions("name = 'taxi'")}
    assert {number: (tags["stage"], tags["night"]) for number, tags in versions.items()} == {
        1: ("Production", "2024-03-01"),
        3: ("Staging", "2024-03-01"),
    }
    assert mlflow.get_model_version_by_alias("taxi", "champion").version in (1, "1")
    assert registry.sync_with_ledger(new.settings, "taxi") == ()
    assert bring(move) == {}


def test_moving_twice_is_moving_once(lived: Installation, empty: Installation) -> None:
    move = moved(lived, empty)
    assert bring(move) == {}
    assert {(each.new, each.changed, each.removed) for each in move.plan()} == {(0, 0, 0)}


@pytest.mark.parametrize(
    "parts",
    [("registry",), ("public keys", "landing", "lake", "packages", "scores", "table_reads", "ledger")],
    ids=["registry", "files and tables"],
)
def test_a_move_killed_after_any_of_its_writes_is_ended_by_the_next(
    lived: Installation, ready: Ready, parts: tuple[str, ...]
) -> None:
    undisturbed = only(migrate.create(lived, ready()), *parts)
    with killed_after(0, WRITES) as writes:
        bring(undisturbed)
    expected = digests(undisturbed)
    # MLflow's take a second each: of its runs and versions, each kind of write is the last one once.
    last = {name: number for number, name in enumerate(writes, start=1)}
    for number in last.values() if parts == ("registry",) else range(1, len(writes) + 1):
        move = only(migrate.create(lived, ready()), *parts)
        with killed_after(number, WRITES), pytest.raises(Killed):
            bring(move)
        bring(move)
        assert digests(move) == expected, f"killed after write {number}, {writes[number - 1]}"


def test_an_earlier_state_of_the_house_follows_what_happened_since(
    lived: Installation, ready: Ready, tmp_path: Path
) -> None:
    older, newer = ready(), house(shutil.copytree(lived.settings.home, tmp_path / "newer"))
    moved(lived, older)
    engine = warehouse.engine(newer.settings.warehouse_url)
    decide(newer.settings, "later", "later")
    score(newer.settings, date(2024, 3, 2), 0.4)
    warehouse.replace_alerts(engine, "taxi", NIGHT, ["late"], ())
    warehouse.record_table_reads(engine, "taxi", [NIGHT], "features", "features/entities@0", {"valid/rides": 7})
    (newer.settings.studies / "taxi" / "search.log").write_bytes(b"{}\n{}\n")
    table = lake.address(newer.settings.lake, "taxi", "valid", "rides")
    lake.replace(table, periods.parse("2024-03-02"), pd.DataFrame({"night": ["2024-03-02"], "value": [2.0]}))
    lake.vacuum(table, keep=[2], hours=0)
    move = only(
        migrate.create(newer, older), "lake", "studies", *(table.name for table in tables.METADATA.sorted_tables)
    )
    reported = {each.part.name: (each.new, each.changed, each.removed) for each in move.plan()}
    assert {name: each for name, each in reported.items() if each != (0, 0, 0)} == {
        "lake": (4, 0, 2),
        "studies": (0, 1, 0),
        "scores": (1, 0, 0),
        "alerts": (0, 0, 1),
        "table_reads": (0, 1, 0),
        "ledger": (1, 0, 0),
    }
    bring(move)
    assert [each.part.name for each in move.verify() if not each.is_equal] == []
    assert warehouse.alerts(warehouse.engine(older.settings.warehouse_url), "taxi", NIGHT, NIGHT) == ()


def of_another_house(settings: Settings) -> None:
    decide(settings, "other", "other")


def with_another_score(settings: Settings) -> None:
    score(settings, NIGHT, 0.7)


def with_another_table(settings: Settings) -> None:
    table = lake.address(settings.lake, "taxi", "valid", "rides")
    lake.replace(table, periods.parse("2024-03-01"), pd.DataFrame({"night": ["2024-03-01"], "value": [7.0]}))


def with_another_landed_file(settings: Settings) -> None:
    path = Path(settings.landing, "taxi", "2024-03-01", "rides.csv")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"who\nbob\n")


def with_a_package_of_its_own(settings: Settings) -> None:
    package(settings, "trained here")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(of_another_house, "its ledger ends with .*, which is not in the source's ledger", id="a ledger"),
        pytest.param(with_another_score, "in scores, taxi, é0000, .* has other values there", id="a score"),
        pytest.param(with_another_table, "in lake, taxi/valid/rides/.* is not in the source", id="a table"),
        pytest.param(with_another_landed_file, "in landing, taxi/2024-03-01/rides.csv, .* other values", id="a file"),
        pytest.param(with_a_package_of_its_own, "in packages, .* is not in the source", id="a package"),
    ],
)
def test_a_target_that_holds_something_else_is_refused_and_left_as_it_is(
    lived: Installation, ready: Ready, spoil: Callable[[Settings], None], said: str
) -> None:
    new = ready()
    spoil(new.settings)
    move = migrate.create(lived, new)
    before = digests(move)
    with pytest.raises(DataError, match=f"(?s)the target holds something else already: {said}"):
        move.plan()
    assert digests(move) == before


def edited(settings: Settings) -> None:
    with warehouse.engine(settings.warehouse_url).begin() as connection:
        connection.execute(sa.text("DROP TRIGGER ledger_refuses_update"))
        connection.execute(sa.text("UPDATE ledger SET subject = 'forged' WHERE seq = 1"))


@pytest.mark.parametrize("end", ["source", "target"])
def test_a_broken_chain_at_either_end_stops_the_move(
    lived: Installation, ready: Ready, tmp_path: Path, end: str
) -> None:
    source, target = house(shutil.copytree(lived.settings.home, tmp_path / "source")), ready()
    decide(target.settings, "any", "any")
    spoiled = source if end == "source" else target
    edited(spoiled.settings)
    with pytest.raises(
        LedgerError, match=f"at sqlite:///{spoiled.settings.home}.*entry 1: its digest does not match its fields"
    ):
        migrate.create(source, target).plan()


def test_a_damaged_copy_is_seen(lived: Installation, ready: Ready) -> None:
    new = ready()
    move = moved(lived, new)
    next(Path(new.settings.lake).rglob("*.parquet")).write_bytes(b"PAR1")
    assert [each.part.name for each in move.verify() if not each.is_equal] == ["lake"]
    next(new.settings.packages.glob("[!.]*/model")).write_bytes(b"other")
    with pytest.raises(PackageError, match="'model' should have SHA-256"):
        move.verify()


def test_the_keys_that_sign_are_brought_only_when_asked_for_and_stay_secret(lived: Installation, ready: Ready) -> None:
    new = ready()
    shutil.rmtree(new.settings.secrets)
    moved(lived, new)
    assert not new.settings.secrets.exists()
    held = lived.settings.secrets
    for name in SIGNING:
        (held / name).chmod(0o600)
    (held / "passwords.json").write_text("{}")
    moved(lived, new, secrets=True)
    assert sorted(path.name for path in new.settings.secrets.iterdir()) == SIGNING
    assert {path.stat().st_mode & 0o777 for path in new.settings.secrets.iterdir()} == {0o600}
    assert new.settings.secrets.stat().st_mode & 0o777 == 0o700


def test_a_key_that_signs_there_is_never_overwritten(lived: Installation, ready: Ready) -> None:
    new = ready()
    (new.settings.secrets / approvals.KEY_FILE).write_text("x" * 32)
    with pytest.raises(DataError, match="in signing keys, approval.key, .* has other values there"):
        migrate.create(lived, new, secrets=True).plan()


def test_what_has_the_same_address_stays(lived: Installation, tmp_path: Path) -> None:
    new = house(lived.settings.home, warehouse_url=f"sqlite:///{tmp_path / 'other.db'}")
    move = migrate.create(lived, new)
    assert {part.name for part in move.parts} == {table.name for table in tables.METADATA.sorted_tables}
    assert {"lake", "packages", "registry"} <= set(move.unchanged)
    with pytest.raises(RequestError, match="all of its addresses are those of this one"):
        migrate.create(lived, house(lived.settings.home))


def test_a_house_without_its_landing_area_is_moved_where_that_is_asked_for(lived: Installation, ready: Ready) -> None:
    assert "landing" not in {part.name for part in migrate.create(lived, ready(), landing=False).parts}


def test_a_database_that_is_away_is_told_with_the_part_that_wanted_it(lived: Installation, tmp_path: Path) -> None:
    away = house(tmp_path, warehouse_url="postgresql+psycopg://ann:secret@127.0.0.1:1/none")
    move = migrate.create(lived, away)
    with pytest.raises(SetupError, match="the database .* cannot be reached: .*Connection refused") as reported:
        move.plan()
    assert "secret" not in str(reported.value)
