"""A draft is whole or as good as none: whatever was cut or changed is found before it is read, and made again."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.stores import candidate_store
from ml.errors import CandidateFilesError

FILES = {"learner.txt": b"tree", "scores.f8": b"\x00\x01"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a draft is."""
    candidate_store.put(tmp_path / "taxi" / "night" / "logistic", FILES)
    return tmp_path / "taxi" / "night" / "logistic"


def damage(place: Path, how: str) -> None:
    match how:
        case "a cut file":
            (place / "learner.txt").write_bytes(b"tr")
        case "a file that is gone":
            (place / "scores.f8").unlink()
        case "a file too many":
            (place / "more.txt").write_bytes(b"")
        case "a cut promise":
            (place / "draft.json").write_bytes((place / "draft.json").read_bytes()[:9])
        case "no promise":
            (place / "draft.json").unlink()
        case "a promise of another kind":
            (place / "draft.json").write_bytes(b"[]")


HOW = (
    "a cut file",
    "a file that is gone",
    "a file too many",
    "a cut promise",
    "no promise",
    "a promise of another kind",
)


def test_what_was_put_is_read(place: Path) -> None:
    assert candidate_store.get(place) == FILES
    assert candidate_store.is_intact(place)


@pytest.mark.parametrize("how", HOW)
def test_a_torn_draft_is_refused_with_what_to_do_and_mended_by_putting_it_again(place: Path, how: str) -> None:
    damage(place, how)
    assert not candidate_store.is_intact(place)
    with pytest.raises(
        CandidateFilesError, match=r"expected intact candidate files in .*/logistic, but .*: clear the task that writes"
    ):
        candidate_store.get(place)
    candidate_store.put(place, FILES)
    assert candidate_store.get(place) == FILES
    assert [path.name for path in place.parent.iterdir()] == ["logistic"]


def test_a_whole_draft_stays_whoever_else_puts_another(place: Path) -> None:
    candidate_store.put(place, {"learner.txt": b"another"})
    assert candidate_store.get(place) == FILES


def test_of_many_that_put_at_once_one_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    place = tmp_path / "logistic"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: candidate_store.put(place, {"n": str(n).encode() * 9999, "m": b"x"}), range(12)))
    assert candidate_store.is_intact(place)
    assert [path.name for path in tmp_path.iterdir()] == ["logistic"]


def test_a_draft_whose_writer_was_stopped_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def stop(handle: int) -> None:
        written.append(handle)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        candidate_store.put(tmp_path / "logistic", FILES)
    assert list(tmp_path.iterdir()) == []


def test_removing_takes_all_drafts_under_a_folder_and_may_be_done_again(place: Path) -> None:
    for _ in range(2):
        candidate_store.remove(place.parent)
        assert not place.parent.exists()
