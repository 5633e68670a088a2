"""A server of both horizons keeps answering through what goes wrong on a live day, says so, and recovers by itself."""

import errno
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.score import prediction_log
from include.stores import lake, snapshot_store
from include.stores.files import atomic
from ml.usecase import UseCase
from tests import served, served_live
from tests.served import USE_CASE, Server
from tests.served_live import ENTITIES, LIVE, MOMENT
from tests.waiting import eventually

pytestmark = pytest.mark.servers
REACHED, COMING = "ride-0", "ride-2"
LATER = MOMENT + timedelta(minutes=15)
LATER_ENTITIES = ENTITIES.assign(wait=29.0 - ENTITIES["wait"])
NO_SNAPSHOT = "no live snapshot has it"

score = cache(served_live.score)


@cache
def later_score() -> float:
    """Return the live score of REACHED from the snapshot of LATER."""
    row = served_live.row(LATER_ENTITIES, REACHED)
    return served.model("trees", served_live.FRAME).predict_row(row)


@dataclass(frozen=True, kw_only=True)
class Day:
    """A home with a champion at each horizon, the night's snapshot and the live one of MOMENT."""

    settings: Settings
    packages: dict[str, str]

    @property
    def live_folder(self) -> Path:
        return snapshot_store.folder_of(self.settings.feature_store, LIVE)

    def publish_later(self, settings: Settings | None = None, **options: Any) -> None:
        """Publish the snapshot of LATER, in which REACHED has another score."""
        served_live.publish(settings or self.settings, moment=LATER, entities=LATER_ENTITIES, **options)

    def damaged(self, damage: Callable[[Path], None], aside: Path) -> Path:
        """Return a copy in `aside` of the live folder, in which the snapshot of LATER is published and then damaged."""
        settings = replace(self.settings, feature_store=aside / "feature_store")
        folder = snapshot_store.folder_of(settings.feature_store, LIVE)
        shutil.copytree(self.live_folder, folder)
        self.publish_later(settings)
        damage(folder)
        return folder


@pytest.fixture
def day(home: Settings) -> Day:
    packages = {USE_CASE: served.packaged(home), LIVE: served_live.packaged(home)}
    served.shelved(home)
    served_live.publish(home)
    for model, digest in packages.items():
        served_live.route(home, model, digest)
    return Day(settings=home, packages=packages)


def readiness(server: Server) -> dict[str, Any]:
    """Return what the server says of the live model."""
    result: dict[str, Any] = server.client.get("/readyz").json().get("horizons", {}).get(LIVE, {})
    return result


def metric(server: Server, name: str, model: str = LIVE) -> float:
    """Return the value of a metric that has no other labels."""
    lines = server.client.get("/metrics").text.splitlines()
    (value,) = (line.split()[-1] for line in lines if line.startswith(f'{name}{{model="{model}"}}'))
    return float(value)


def outcome(server: Server, entity: str = REACHED) -> tuple[str, float, str | None]:
    """Return horizon, score and reason of the answer for `entity`."""
    (answer,) = server.ask(entity)
    return answer["horizon"], answer["score"], answer.get("horizon_reason")


def wait_for_moment(server: Server, moment: object = MOMENT) -> None:
    """Wait until the server looks entities up in the live snapshot of `moment`."""
    expected = moment.isoformat()  # type: ignore[attr-defined]
    eventually(lambda: readiness(server).get("features_of") == expected or None, pause=0.05)


def swap(folder: Path, another: Path) -> None:
    """Let `another` folder, or nothing if it does not exist, be at the path `folder`."""
    folder.rename(folder.with_name("before"))
    if another.exists():
        another.rename(folder)


def newest(folder: Path) -> Path:
    ref = snapshot_store.newest(folder)
    assert ref is not None
    return folder / ref.folder


def _loop(path: Path) -> None:
    """Replace a file by one that cannot be opened, not even by root."""
    path.unlink()
    path.symlink_to(path.name)


def truncate(folder: Path) -> None:
    os.truncate(newest(folder) / "numbers.f8", 5)


def corrupt(folder: Path) -> None:
    path = newest(folder) / "cutoffs.i8"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def lose_a_file(folder: Path) -> None:
    (newest(folder) / "texts.json").unlink()


def make_unreadable(folder: Path) -> None:
    _loop(newest(folder) / "entities.json")


def lose_the_snapshot(folder: Path) -> None:
    shutil.rmtree(newest(folder))


def truncate_the_pointer(folder: Path) -> None:
    os.truncate(folder / "newest.json", 20)


def make_the_pointer_unreadable(folder: Path) -> None:
    _loop(folder / "newest.json")


def lose_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def put_a_file_there(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"")


DAMAGES = (
    truncate,
    corrupt,
    lose_a_file,
    make_unreadable,
    lose_the_snapshot,
    truncate_the_pointer,
    make_the_pointer_unreadable,
    lose_the_folder,
    put_a_file_there,
)
OLDER_IS_INTACT = DAMAGES[:5]


def test_whatever_happens_to_the_live_snapshots_disk_the_last_good_one_answers_until_it_is_mended(
    day: Day, tmp_path: Path
) -> None:
    good, last = ("live", score(LIVE, REACHED), None), day.live_folder.with_name("before")
    with served.running(day.settings) as server:
        wait_for_moment(server)
        for damage in DAMAGES:
            swap(day.live_folder, day.damaged(damage, tmp_path / damage.__name__))
            eventually(lambda: readiness(server)["faults"] or None, pause=0.05)
            assert outcome(server) == good, damage
            assert outcome(server, COMING)[:2] == ("night", score(USE_CASE, COMING)), damage
            assert readiness(server)["features_of"] == MOMENT.isoformat(), damage
            assert metric(server, "ratchet_refresh_faults") == 1, damage
            assert server.client.get("/readyz").status_code == 200
            shutil.rmtree(day.live_folder) if day.live_folder.is_dir() else day.live_folder.unlink(missing_ok=True)
            last.rename(day.live_folder)
            eventually(lambda: readiness(server)["faults"] == [] or None, pause=0.05)
            assert metric(server, "ratchet_refresh_faults") == 0, damage
        day.publish_later()
        wait_for_moment(server, LATER)
        assert outcome(server) == ("live", later_score(), None)


@pytest.mark.parametrize("damage", [truncate, make_unreadable, truncate_the_pointer, lose_the_folder, put_a_file_there])
def test_a_server_that_starts_on_a_damaged_disk_answers_with_what_is_intact_and_recovers(
    damage: Callable[[Path], None], day: Day, tmp_path: Path
) -> None:
    swap(day.live_folder, day.damaged(damage, tmp_path / "aside"))
    with served.running(day.settings) as server:
        eventually(lambda: readiness(server).get("faults") or None, pause=0.05)
        if damage in OLDER_IS_INTACT:
            assert outcome(server) == ("live", score(LIVE, REACHED), None)
        else:
            assert outcome(server) == ("night", score(USE_CASE, REACHED), NO_SNAPSHOT)
            assert readiness(server)["features_of"] is None
        assert metric(server, "ratchet_refresh_faults") == 1
        day.live_folder.unlink() if day.live_folder.is_file() else None
        day.publish_later()
        wait_for_moment(server, LATER)
        assert outcome(server) == ("live", later_score(), None)
        eventually(lambda: readiness(server)["faults"] == [] or None, pause=0.05)


def test_a_full_disk_leaves_the_last_snapshot_and_nothing_half_and_the_next_try_publishes(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, before = atomic._write_through, sorted(day.live_folder.iterdir())
    with served.running(day.settings) as server:
        wait_for_moment(server)
        for room in range(6):  # the files of a snapshot, and the pointer
            written: list[Path] = []

            def fill(path: Path, content: bytes, room: int = room, written: list[Path] = written) -> None:
                if len(written) == room:
                    write(path, content[: len(content) // 2])
                    raise OSError(errno.ENOSPC, "No space left on device", str(path))
                written.append(path)
                write(path, content)

            monkeypatch.setattr(atomic, "_write_through", fill)
            with pytest.raises(OSError, match="No space left"):
                day.publish_later()
            monkeypatch.undo()
            assert len(written) == room
            assert not [path for path in day.live_folder.iterdir() if path.name.startswith(".")]
            assert outcome(server) == ("live", score(LIVE, REACHED), None)
            assert readiness(server)["faults"] == []
        assert set(before) <= set(day.live_folder.iterdir())
        day.publish_later()
        wait_for_moment(server, LATER)
        assert outcome(server) == ("live", later_score(), None)


def test_without_room_for_its_prediction_log_a_live_model_is_added_later_and_the_nights_is_followed(day: Day) -> None:
    log = day.settings.prediction_log / LIVE
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")  # no folder can be made there
    other = served.packaged(day.settings, "logistic")
    with served.running(day.settings) as server:
        faults = eventually(lambda: server.client.get("/readyz").json()["faults"] or None, pause=0.05)
        assert [f"{LIVE}: expected room for" in each for each in faults] == [True]
        (answer,) = server.ask(REACHED)
        assert (answer["score"], "horizon" in answer) == (score(USE_CASE, REACHED), False)
        served.routed(day.settings, other, seq=2)
        server.wait_for(other)
        log.unlink()
        wait_for_moment(server)
        assert outcome(server) == ("live", score(LIVE, REACHED), None)
        assert server.client.get("/readyz").json()["faults"] == []


def test_an_intraday_run_that_does_not_come_makes_the_snapshot_too_old_until_the_next_one(home: Settings) -> None:
    day = Day(settings=home, packages={USE_CASE: served.packaged(home), LIVE: served_live.packaged(home)})
    served.shelved(home)
    for model, digest in day.packages.items():
        served_live.route(home, model, digest)
    served_live.publish(home, max_age_minutes=0.01)
    with served.running(home) as server:
        eventually(lambda: readiness(server).get("too_old") or None, pause=0.05)
        horizon, answered, reason = outcome(server)
        assert (horizon, answered) == ("night", score(USE_CASE, REACHED))
        assert reason == f"the snapshot of {LIVE} is 0 minutes old, which is too old"
        assert metric(server, "ratchet_live_snapshot_too_old") == 1
        assert metric(server, "ratchet_live_snapshot_age_seconds") > 0.6
        named = server.client.post(f"/v1/models/{LIVE}:predict", json={"instances": [{"entity": REACHED}]})
        assert (named.status_code, "which is too old" in named.text) == (422, True)
        assert server.client.get("/readyz").status_code == 200
        day.publish_later()
        wait_for_moment(server, LATER)
        assert outcome(server) == ("live", later_score(), None)
        assert (metric(server, "ratchet_live_snapshot_too_old"), readiness(server)["too_old"]) == (0, False)


def test_a_server_killed_between_and_during_requests_gives_the_same_answers_and_has_logged_each_once(
    day: Day, taxi: UseCase
) -> None:
    expected = [score(LIVE, REACHED), score(USE_CASE, COMING)]
    answered, lost = list[dict[str, Any]](), 0
    for round_number in range(3):
        with served.running(day.settings) as server:
            wait_for_moment(server)
            answered.append(server.client.post("/score", json={"entities": [REACHED, COMING]}).json())
            if round_number == 2:  # between two requests
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
                continue
            with served_live.asking(server, REACHED, COMING) as clients:
                clients.wait_for(20)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
            answered += clients.answered
            lost += clients.lost
        assert clients.refused == []
    assert lost > 0
    assert {tuple(row["score"] for row in each["answers"]) for each in answered} == {tuple(expected)}
    assert [prediction_log.collect(model) > 0 for model in (USE_CASE, LIVE)] == [True, True]
    assert [prediction_log.collect(model) for model in (USE_CASE, LIVE)] == [0, 0]
    ids = {each["request_id"] for each in answered}
    assert len(ids) == len(answered)
    for model, entity, position in ((LIVE, REACHED, 0), (USE_CASE, COMING, 1)):
        context = StepContext(case=taxi.at("live") if model == LIVE else taxi, settings=day.settings)
        logged = lake.read(prediction_log.address(context, prediction_log.REST))
        assert not logged["request"].duplicated().any()
        assert set(logged["entity"]) == {entity}
        assert set(logged["place"]) == {position}
        assert ids <= set(logged["request"])
        assert len(set(logged["request"]) - ids) <= lost  # logged, and killed before the reply arrived


def test_the_former_live_package_answers_after_another_routing_and_the_nights_answers_go_on(day: Day) -> None:
    former = served_live.packaged(day.settings, "logistic")
    with served.running(day.settings) as server:
        wait_for_moment(server)
        with served_live.asking(server, REACHED, COMING) as clients:
            served_live.route(day.settings, LIVE, former, seq=2, standby=day.packages[LIVE])
            server.wait_for(former)
            clients.wait_for(8)
    assert (clients.lost, clients.refused) == (0, [])
    live, night = zip(*(each["answers"] for each in clients.answered), strict=True)
    assert {(each["package"], each["score"]) for each in live} == {
        (day.packages[LIVE], score(LIVE, REACHED)),
        (former, score(LIVE, REACHED, "logistic")),
    }
    assert {(each["package"], each["score"]) for each in night} == {(day.packages[USE_CASE], score(USE_CASE, COMING))}
