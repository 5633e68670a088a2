"""What a package says about the code and the libraries that made it is what is there."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from include import provenance
from include.settings import PROJECT
from ml.scoring import manifest


def pinned(text: str) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE):
        result.setdefault(name, set()).add(version)
    return result


def test_serving_is_pinned_to_the_versions_that_training_has_each_with_its_hashes() -> None:
    serving, lock = provenance.serving_lock().decode(), pinned(provenance.LOCK.read_text())
    assert all(versions <= lock[name] for name, versions in pinned(serving).items())
    assert serving.count("==") <= serving.count("--hash=sha256:")
    assert set(provenance.serving_libraries()) <= pinned(serving).keys()


def test_the_facts_are_the_lock_file_and_the_versions_installed() -> None:
    import lightgbm

    reported = provenance.facts()
    assert reported["lock_sha256"] == manifest.sha256((PROJECT / "requirements.txt").read_bytes())
    assert reported["libraries"]["lightgbm"] == lightgbm.__version__
    assert reported["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_code_is_known_by_what_is_committed_of_the_rings_that_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATCHET_CODE")
    git = shutil.which("git")
    if git and (PROJECT / ".git").exists():
        command = [git, "-C", str(PROJECT), "rev-parse", "HEAD:./ml", "HEAD:./include"]
        expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert provenance.code_version.__wrapped__().split() == expected
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert provenance.code_version.__wrapped__() == "unknown"


def test_all_packages_of_a_test_run_name_one_commit_whatever_is_committed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provenance, "_git", lambda *_: "a later commit")
    assert provenance.facts()["commit"] == os.environ["RATCHET_COMMIT"] != "a later commit"
    assert provenance.code_version.__wrapped__() == os.environ["RATCHET_CODE"] != "a later commit"


def test_the_commit_is_gits_own_and_without_git_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATCHET_COMMIT")
    git = shutil.which("git")
    head = "unknown"
    if git and (PROJECT / ".git").exists():
        command = [git, "-C", str(PROJECT), "rev-parse", "HEAD"]
        head = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert provenance.commit().removesuffix("-dirty") == head
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert provenance.commit() == "unknown"
