"""A server follows its routing whatever goes wrong: it says so, keeps what it has, and tries again until it works."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from include.serving import app, subprocesses
from include.serving.config import ServingConfig
from include.serving.horizons import Horizons
from include.serving.metrics import Metrics
from include.serving.model_pool import ModelPool
from include.settings import Settings
from include.stores import packages, routing_store, snapshot_store
from include.stores.request_log import RequestLog
from tests import served
from tests.served import USE_CASE

DEEP = b"[" * 100_000 + b"]" * 100_000
Break = Callable[[Settings, pytest.MonkeyPatch], None]


class Panic(BaseException):
    """What a library in Rust raises: no Exception."""


@pytest.fixture
def followed(home: Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, ModelPool, str, str]:
    """A pool that serves the package `trees`, and another package to go back to."""
    monkeypatch.setattr(subprocesses, "run", lambda *_: "")  # a process for each package takes seconds
    trees, logistic = served.packaged(home), served.packaged(home, "logistic")
    shelf = served.shelved(home)
    served.routed(home, trees)
    pool = ModelPool(USE_CASE, shelf, home, ServingConfig())
    assert pool.refresh() == ()
    return home, pool, trees, logistic


def _pointer(settings: Settings) -> Path:
    return settings.feature_store / USE_CASE / "snapshots" / "newest.json"


def _as_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _raising(owner: object, name: str, error: BaseException) -> Break:
    def patch(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        def raises(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(owner, name, raises)

    return patch


LASTING: dict[str, Break] = {
    "a pointer that cannot be read": lambda settings, _: _as_folder(_pointer(settings)),
    "a deep pointer": lambda settings, _: _pointer(settings).write_bytes(DEEP) and None,
    "a deep entry of the pointer": lambda settings, _: _pointer(settings).write_bytes(b'[{"night": ' + DEEP) and None,
    "no memory for a pointer": _raising(snapshot_store, "_read_pointer", MemoryError()),
    "a panic in a pointer": _raising(snapshot_store, "_read_pointer", Panic("unwrapped")),
    "a key that is missing in a pointer": _raising(snapshot_store, "_read_pointer", KeyError("night")),
}
PASSING: dict[str, Break] = {
    "a deep routing": lambda settings, _: routing_store.path_of(settings.routes, USE_CASE).write_bytes(DEEP) and None,
    "a key that is missing": _raising(routing_store, "current", KeyError("champion")),
    "no memory": _raising(routing_store, "current", MemoryError()),
    "an exit": _raising(routing_store, "current", SystemExit(3)),
    "a panic": _raising(routing_store, "current", Panic("unwrapped")),
    "too deep": _raising(routing_store, "current", RecursionError("too deep")),
    "a disk that does not answer": _raising(routing_store, "current", OSError(5, "Input/output error")),
    "a text in the place of an object": _raising(routing_store, "current", AttributeError("no attribute 'get'")),
}


def test_a_model_answers_only_after_its_snapshot_is_read(
    followed: tuple[Settings, ModelPool, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pool, _, logistic = followed
    served.routed(settings, logistic, seq=2)
    monkeypatch.setattr(pool, "_attach_remote", lambda: pytest.fail("not reached") if _snapshot(pool) is None else [])
    pool.refresh()
    assert pool.serving.champion.digest == logistic
    assert _snapshot(pool) is not None


def _snapshot(pool: ModelPool) -> object:
    return pool.serving.champion.snapshot_store.served


@pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING)
def test_a_rollback_is_followed_while_snapshots_cannot_be_read(
    fault: Break, followed: tuple[Settings, ModelPool, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pool, _, logistic = followed
    with monkeypatch.context() as patch:
        fault(settings, patch)
        assert pool.refresh()
        served.routed(settings, logistic, seq=2)
        assert pool.refresh()
    assert pool.serving.champion.digest == logistic


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_rollback_is_followed_after_a_routing_that_could_not_be_read(
    fault: Break, followed: tuple[Settings, ModelPool, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pool, trees, logistic = followed
    with monkeypatch.context() as patch:
        fault(settings, patch)
        assert pool.refresh() == pool.faults != ()
        assert pool.serving.champion.digest == trees
    served.routed(settings, logistic, seq=2)
    assert pool.refresh() == ()
    assert pool.serving.champion.digest == logistic


@pytest.mark.parametrize("folder", [".", "routing"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PUBLIC KEY-----\n!\n", None], ids=repr)
def test_a_key_that_is_none_does_not_keep_the_others_from_being_trusted(
    content: bytes | None, folder: str, followed: tuple[Settings, ModelPool, str, str]
) -> None:
    settings, pool, _, logistic = followed
    path = settings.trusted_keys / folder / "0.pem"
    path.mkdir() if content is None else path.write_bytes(content)
    served.routed(settings, logistic, seq=2)
    assert pool.refresh() == ()
    assert pool.serving.champion.digest == logistic


def test_a_package_that_was_not_there_is_loaded_once_it_is(followed: tuple[Settings, ModelPool, str, str]) -> None:
    settings, pool, trees, logistic = followed
    hidden = settings.home / "hidden"
    shutil.move(settings.packages / logistic, hidden)
    served.routed(settings, logistic, seq=2, standby=trees)
    assert "it is not there" in " ".join(pool.refresh())
    assert pool.serving.champion.digest == trees
    shutil.move(hidden, settings.packages / logistic)
    assert pool.refresh(), "the delay after the first failure is not over"
    pool._backoff._due_at = 0
    assert pool.refresh() == ()
    assert pool.serving.champion.digest == logistic


def test_what_fails_is_not_tried_at_each_round_but_at_once_when_a_person_wants_it(
    followed: tuple[Settings, ModelPool, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pool, _, logistic = followed
    attempts: list[str] = []

    def get(_: Path, digest: str, __: Path) -> None:
        attempts.append(digest)
        raise MemoryError

    monkeypatch.setattr(packages, "get", get)
    served.routed(settings, logistic, seq=2)
    for _ in range(20):
        assert "MemoryError" in " ".join(pool.refresh())
    assert len(attempts) <= 2
    before = len(attempts)
    pool.refresh(retry=True)
    assert len(attempts) == before + 1


def test_failures_are_counted_by_part_and_gone_when_all_is_well(
    followed: tuple[Settings, ModelPool, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)  # importing Feast sets it
    settings, pool, _, logistic = followed
    log = RequestLog(tmp_path)
    metrics = Metrics(pool, log)
    text = _pointer(settings).read_bytes()
    _pointer(settings).write_bytes(DEEP)
    pool.refresh()
    served.routed(settings, "0" * 64, seq=2)
    pool.refresh()
    _pointer(settings).write_bytes(text)
    served.routed(settings, logistic, seq=3)
    assert pool.refresh() == ()
    page = metrics.render().decode()
    log.close()
    assert 'ratchet_refresh_failures_total{part="snapshot"} 2.0' in page
    assert 'ratchet_refresh_failures_total{part="package"} 1.0' in page
    assert "ratchet_refresh_faults 0.0" in page


def test_the_loop_goes_on_when_not_even_a_thread_can_be_started(
    followed: tuple[Settings, ModelPool, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _, _, logistic = followed
    horizons = Horizons(USE_CASE, settings, ServingConfig())
    horizons.refresh()
    pool = horizons.main.pool
    left = [RuntimeError("can't start new thread"), MemoryError()]

    async def to_thread(function: Callable[[], object]) -> object:
        if left:
            raise left.pop()
        return function()

    async def follow() -> None:
        following = asyncio.create_task(app._refresh_periodically(horizons, 0.001))
        while left:
            await asyncio.sleep(0)
        assert "it is tried again" in " ".join(pool.faults)
        served.routed(settings, logistic, seq=2)
        while pool.serving.champion.digest != logistic:
            await asyncio.sleep(0.001)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    monkeypatch.setattr(app.asyncio, "to_thread", to_thread)
    asyncio.run(asyncio.wait_for(follow(), 60))
    horizons.close()
    assert pool.faults == ()
