"""A server of both horizons while snapshots are published, a publication is killed, a model is rolled back, data change."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli.main import app
from include.settings import Settings, load_settings
from include.steps.context import StepContext
from include.steps.features import build, snapshot_archive
from include.steps.ingest import intraday
from include.steps.score import live_traffic
from include.stores import lake, ledger, packages, snapshot_store, warehouse
from include.stores.files import atomic
from ml.features import snapshots
from ml.features.snapshots import FeatureSnapshot
from ml.packaging import package_files
from ml.training.fitting import Model
from ml.usecase import UseCase
from tests import challenger, in_process, served, served_live
from tests import released as released_home
from tests.killing import Killed, killed_after
from tests.released import NIGHT, USE_CASE
from tests.served import Server
from tests.served_live import LIVE
from tests.waiting import eventually

pytestmark = pytest.mark.servers
CUTOFF = datetime(2024, 3, 17, 12, tzinfo=UTC)
MOMENT = CUTOFF + timedelta(minutes=90)  # before the event of the entities whose cutoff is CUTOFF
WRITES = [
    (atomic, "write"),
    (atomic, "write_folder"),
    (lake, "replace"),
    (warehouse, "replace_alerts"),
    (warehouse, "record_snapshot"),
]


@pytest.fixture(autouse=True)
def _probes_in_process() -> Iterator[None]:
    with in_process.probing():
        yield


def folder_of(settings: Settings) -> Path:
    return snapshot_store.folder_of(settings.feature_store, LIVE)


def snapshot(settings: Settings) -> FeatureSnapshot:
    return snapshot_store.SnapshotCache(folder_of(settings)).snapshot


def newest_manifest(settings: Settings) -> str:
    (name, *_) = snapshot_store.nights(folder_of(settings))
    manifest = snapshot_store.manifest(folder_of(settings), name)
    assert manifest is not None
    return manifest


def cutoffs(case: UseCase, settings: Settings) -> "pd.Series[pd.Timestamp]":
    context = StepContext(case=case.at("live"), settings=settings).at(date.fromisoformat(NIGHT))
    return live_traffic.cutoffs(context)


def wait_for_moment(server: Server, moment: datetime) -> None:
    """Wait until the server looks entities up in the live snapshot of `moment`."""

    def has_it() -> bool | None:
        state = server.client.get("/readyz").json().get("horizons", {}).get(LIVE, {})
        return state.get("features_of") == moment.isoformat() or None

    eventually(has_it, pause=0.05)


def answers(server: Server, entities: list[str]) -> dict[str, tuple[str, float, str]]:
    """Return horizon, score and package of the answer for each entity, asked for one at a time."""
    given = [server.ask(entity)[0] for entity in entities]
    return {each["entity"]: (each["horizon"], each["score"], each["package"]) for each in given}


@contextmanager
def at_home(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Let the block run in a copy of the home of `settings` in `folder`."""
    shutil.copytree(settings.home, folder)
    with monkeypatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(folder))
        load_settings.cache_clear()
        yield load_settings()
    load_settings.cache_clear()


def test_a_publication_killed_after_any_write_leaves_the_last_snapshot_and_a_rerun_publishes_the_same(
    released: Settings, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_home(released, tmp_path / "undisturbed", monkeypatch) as settings:
        with killed_after(0, WRITES) as writes:
            intraday.refresh(USE_CASE, MOMENT)
        moments = [MOMENT + timedelta(minutes=number) for number in range(len(writes) + 1)]
        undisturbed = []
        for moment in moments:
            intraday.refresh(USE_CASE, moment)
            undisturbed.append(newest_manifest(settings))
    named = [number for number, name in enumerate(writes, 1) if name.endswith("atomic.write")][-1]  # the pointer
    assert writes[named - 2].endswith("write_folder")
    due = cutoffs(taxi, released)
    (reached, *_), (coming, *_) = due[due == CUTOFF].index, due[due > moments[-1]].index
    intraday.refresh(USE_CASE, moments[0])
    with served.running(released) as server:
        wait_for_moment(server, moments[0])
        for number, moment in enumerate(moments[1:], 1):
            before = answers(server, [reached, coming])
            assert [each[0] for each in before.values()] == ["live", "night"]
            with killed_after(number, WRITES), pytest.raises(Killed):
                intraday.refresh(USE_CASE, moment)
            wait_for_moment(server, moment if number >= named else moments[number - 1])
            assert answers(server, [reached, coming]) == before
            intraday.refresh(USE_CASE, moment)
            assert snapshots.has_same_content(newest_manifest(released), undisturbed[number])
            wait_for_moment(server, moment)
            assert answers(server, [reached, coming]) == before  # its features are as of its cutoff
        assert server.client.get("/readyz").json()["faults"] == []
    moments.append(moments[-1] + timedelta(minutes=1))
    intraday.refresh(USE_CASE, moments[-1])  # removes what the last one that was killed could not
    kept = [f"{snapshot_archive.name_of(moment)}." for moment in moments[-2:]]
    assert sorted(path.name[:21] for path in folder_of(released).iterdir()) == [*kept, "newest.json"]


def test_a_live_champion_that_is_rolled_back_is_replaced_by_the_former_and_the_nights_answers_as_before(
    released: Settings, taxi: UseCase
) -> None:
    live = taxi.at("live")
    former, night = (champion(released, model) for model in (LIVE, USE_CASE))
    second = challenger.challenge(live, NIGHT, released, shifted)
    assert released_home.promote(LIVE, NIGHT) == second
    intraday.refresh(USE_CASE, MOMENT)
    due = cutoffs(taxi, released)
    (reached, *_), (coming, *_) = due[due == CUTOFF].index, due[due > MOMENT].index
    features = snapshot(released).lookup(reached)
    models = {each: package_files.load(packages.get(released.packages, each, released.trusted_keys)) for each in (former, second)}  # fmt: skip
    with served.running(released) as server:
        wait_for_moment(server, MOMENT)
        server.wait_for(second, reached)
        with served_live.asking(server, reached, coming, clients=1) as client:
            client.wait_for(10)
            typed = CliRunner().invoke(app, ["rollback", LIVE, "--who", "ann", "--why", "its answers are odd"])
            assert typed.exit_code == 0, typed.output
            server.wait_for(former, reached)
            client.wait_for(10)
        again = CliRunner().invoke(app, ["rollback", LIVE, "--who", "ann", "--why", "its answers are odd"])
        assert (again.exit_code, "no champion to go back to" in again.output) == (1, True), again.output
        assert answers(server, [reached])[reached][2] == former
    assert (client.lost, client.refused) == (0, [])
    given = [each["answers"] for each in client.answered]
    by_package = {first["package"]: first["score"] for first, _ in given}
    assert by_package == {each: model.predict_row(features) for each, model in models.items()}
    order = [first["package"] for first, _ in given]
    assert order == sorted(order, key=[second, former].index)  # no answer of the second after the first of the former
    assert {(last["package"], last["horizon"]) for _, last in given} == {(night, "night")}
    assert len({last["score"] for _, last in given}) == 1
    assert champion(released, USE_CASE) == night


def shifted(model: Model) -> Model:
    """Return `model` with other scores."""
    return replace(model, calibration=replace(model.calibration, offset=model.calibration.offset - 1.0))


def champion(settings: Settings, model: str) -> str:
    entry = ledger.champion(warehouse.engine(settings.warehouse_url), model)
    assert entry is not None
    return entry.subject


def test_nothing_known_after_its_cutoff_moves_the_features_the_snapshot_or_the_answer_of_an_entity(
    released: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    due, following = cutoffs(taxi, released), MOMENT + timedelta(minutes=1)
    decided = due[due <= CUTOFF].index
    answerable = [str(each) for each in due[due == CUTOFF].index]
    later = [str(each) for each in due[(due > CUTOFF) & (due <= MOMENT)].index]
    intraday.refresh(USE_CASE, MOMENT)
    before = snapshot(released)
    with served.running(released) as server:
        wait_for_moment(server, MOMENT)
        given = answers(server, [*answerable, *later])
        source = usecases.module(USE_CASE, "source")
        monkeypatch.setattr(source, "land_known", scrambling(source.land_known))
        assert intraday.refresh(USE_CASE, following) == len(due)
        wait_for_moment(server, following)
        after, moved = snapshot(released), answers(server, [*answerable, *later])
    assert len(decided) > len(answerable) > 0
    assert all(repr(after.lookup(each)) == repr(before.lookup(each)) for each in decided)
    assert all(repr(after.lookup(each)) != repr(before.lookup(each)) for each in later)
    assert {each: moved[each] for each in answerable} == {each: given[each] for each in answerable}
    assert {horizon for horizon, _, _ in given.values()} == {"live"}
    assert any(moved[each] != given[each] for each in later)
    live = build.read(released.lake, taxi, NIGHT, NIGHT, horizon=taxi.lives[0]).set_index("entity")
    stored = {each: {name: live[name][each] for name in after.names} for each in decided}
    assert all(same(after.lookup(each) or {}, stored[str(each)]) for each in decided)  # of the data that did not change


def same(looked_up: dict[str, Any], trained: dict[str, Any]) -> bool:
    """Return whether the values that a server looks up are those that training reads, missing ones included."""
    return all(
        looked_up[name] == value or (pd.isna(looked_up[name]) and pd.isna(value)) for name, value in trained.items()
    )


def scrambling(land: Callable[..., None]) -> Callable[..., None]:
    """Return `land` with every value changed of the rows that became known after CUTOFF, and their keys exchanged."""

    def changed(folder: Path, *arguments: Any) -> None:
        land(folder, *arguments)
        rides, traffic = (pd.read_csv(folder / f"{name}.csv") for name in ("rides", "traffic"))
        late = pd.to_datetime(rides["ended_at"]) > CUTOFF
        assert late.any()
        assert not late.all()
        was_late = ~(rides["minutes_late"] < 10)
        rides.loc[late, "minutes_late"] = was_late.map({True: 0.0, False: 39.0})[late]
        rides.loc[late, "driver"] = "d0"
        rides.loc[late, "zone"] = rides.loc[late, "zone"].to_numpy()[::-1]
        published = pd.to_datetime(traffic["measured_at"]) + pd.Timedelta(hours=1)
        known_later = published > CUTOFF
        traffic.loc[known_later, "congestion"] = 1 - traffic.loc[known_later, "congestion"]
        for name, rows in (("rides", rides), ("traffic", traffic)):
            rows.to_csv(folder / f"{name}.csv", index=False)

    return changed
