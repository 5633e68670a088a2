"""What is served is the newest whole snapshot: damage is refused with a sentence, and what was good goes on."""

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include.stores import snapshot_store
from include.stores.files import atomic
from include.stores.snapshot_store import SnapshotCache
from ml.errors import SnapshotError
from ml.features import snapshots
from ml.features.snapshots import PackedSnapshot

FIRST, SECOND, THIRD = date(2024, 3, 16), date(2024, 3, 17), date(2024, 3, 18)


def packed(hour: float) -> PackedSnapshot:
    return snapshots.pack(pd.DataFrame({"entity": ["a"], "hour": [hour]}), {})


def answer(served: SnapshotCache) -> object:
    return (served.snapshot.lookup("a") or {})["hour"]


def damage(folder: Path, place: snapshot_store.SnapshotRef) -> None:
    path = folder / place.folder / "numbers.f8"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def test_a_newer_snapshot_is_served_once_it_is_asked_for(tmp_path: Path) -> None:
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    served = SnapshotCache(tmp_path)
    assert answer(served) == 1.0
    snapshot_store.put(tmp_path, SECOND, packed(2.0))
    assert answer(served) == 1.0
    assert served.refresh() is None
    assert answer(served) == 2.0


def test_a_damaged_byte_is_refused_and_the_one_before_stays(tmp_path: Path) -> None:
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    served = SnapshotCache(tmp_path)
    served.refresh()
    place = snapshot_store.put(tmp_path, SECOND, packed(2.0))
    damage(tmp_path, place)
    assert f"{place.folder}: snapshot of features: numbers.f8: expected SHA-256" in str(served.refresh())
    assert answer(served) == 1.0


def test_a_server_that_starts_on_a_damaged_snapshot_serves_the_one_before(tmp_path: Path) -> None:
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    damage(tmp_path, snapshot_store.put(tmp_path, SECOND, packed(2.0)))
    served = SnapshotCache(tmp_path)
    assert "materialize the night again" in str(served.refresh())
    assert answer(served) == 1.0
    assert "materialize the night again" in str(served.refresh())


def test_putting_a_damaged_snapshot_again_mends_it(tmp_path: Path) -> None:
    damage(tmp_path, snapshot_store.put(tmp_path, FIRST, packed(1.0)))
    with pytest.raises(SnapshotError, match=r"numbers\.f8"):
        _ = SnapshotCache(tmp_path).snapshot
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    assert answer(SnapshotCache(tmp_path)) == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"2024-03-16.{packed(1.0).digest[:12]}",
        "newest.json",
    ]


@pytest.mark.parametrize("text", ["", "{", "[{}]", '[{"night": 1}]', "[1]"])
def test_a_pointer_that_cannot_be_read_leaves_what_is_served(tmp_path: Path, text: str) -> None:
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    served = SnapshotCache(tmp_path)
    served.refresh()
    (tmp_path / "newest.json").write_text(text)
    assert "newest.json should name the newest snapshot" in str(served.refresh())
    assert answer(served) == 1.0
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    assert answer(SnapshotCache(tmp_path)) == 1.0


def test_what_is_in_memory_is_served_when_the_folder_is_gone(tmp_path: Path) -> None:
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    served = SnapshotCache(tmp_path)
    served.refresh()
    shutil.rmtree(tmp_path)
    assert "there is no snapshot" in str(served.refresh())
    assert answer(served) == 1.0


def test_before_the_first_snapshot_there_is_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=f"no snapshot in {tmp_path}: materialize a night first, or run"):
        _ = SnapshotCache(tmp_path).snapshot


def test_an_older_night_does_not_take_the_place_of_a_newer_one(tmp_path: Path) -> None:
    for night, hour in ((SECOND, 2.0), (FIRST, 1.0)):
        snapshot_store.put(tmp_path, night, packed(hour))
    assert answer(SnapshotCache(tmp_path)) == 2.0


def test_putting_a_snapshot_again_mends_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / snapshot_store.put(tmp_path, FIRST, packed(1.0)).folder / "numbers.f8"
    path.unlink()
    path.symlink_to(path.name)  # a loop: not even root can open it
    assert "Too many levels of symbolic links" in str(SnapshotCache(tmp_path).refresh())
    snapshot_store.put(tmp_path, FIRST, packed(1.0))
    assert answer(SnapshotCache(tmp_path)) == 1.0


def test_what_a_killed_publication_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".2024-03-16.0123456789ab.x1").mkdir()
    (tmp_path / ".2024-03-16.0123456789ab.x1" / "numbers.f8").write_bytes(b"")
    (tmp_path / ".newest.json.x2").write_bytes(b"[")
    ref = snapshot_store.put(tmp_path, FIRST, packed(1.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == [ref.folder, "newest.json"]


def test_only_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    for hour, night in enumerate((FIRST, SECOND, SECOND, THIRD)):
        snapshot_store.put(tmp_path, night, packed(float(hour)))
    folders = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert [name[:10] for name in folders] == ["2024-03-17", "2024-03-18"]


def test_a_put_that_was_killed_before_it_was_pointed_to_is_ended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot_store.put(tmp_path, FIRST, packed(1.0))

    def killed(target: Path, content: bytes) -> None:
        if target.name == "newest.json":
            raise KeyboardInterrupt
        target.write_bytes(content)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(atomic, "write", killed)
        snapshot_store.put(tmp_path, SECOND, packed(2.0))
    assert answer(SnapshotCache(tmp_path)) == 1.0
    snapshot_store.put(tmp_path, SECOND, packed(2.0))
    assert answer(SnapshotCache(tmp_path)) == 2.0
