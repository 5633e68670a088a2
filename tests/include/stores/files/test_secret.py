"""A secret is written once, and only its owner can read it."""

from pathlib import Path

from include.stores.files import secret


def test_a_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "approval.key"
    assert secret.create(path, lambda: "first") == "first"
    assert secret.create(path, lambda: "second") == "first"
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]
