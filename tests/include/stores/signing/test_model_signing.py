"""A package is read only when a key that we trust signed exactly these files."""

import base64
import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from include.settings import Settings
from include.stores.signing import model_signing
from include.stores.signing.dsse import PACKAGES, add_trusted_key, new_key
from include.stores.signing.model_signing import SIGNATURE
from ml.errors import PackageError, SetupError

DIGEST = "d" * 64
FILES = {"manifest.json": b"{}", "learner.txt": b"trees"}
Bundle = dict[str, dict[str, object]]


def foreign(settings: Settings) -> None:
    """Let the home sign with a key of which nobody else knows."""
    (settings.secrets / PACKAGES.key_file).write_text(new_key())


def rewritten(change: Callable[[Bundle], object], files: Mapping[str, bytes]) -> dict[str, bytes]:
    bundle = json.loads(files[SIGNATURE])
    change(bundle)
    return {**files, SIGNATURE: json.dumps(bundle).encode()}


def restated(was: bytes, now: bytes, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return `files` with another statement in the envelope, which nobody signed."""

    def change(bundle: Bundle) -> None:
        payload = base64.b64decode(str(bundle["dsseEnvelope"]["payload"]))
        assert was in payload
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(was, now)).decode()

    return rewritten(change, files)


def test_what_was_signed_is_taken_and_the_files_stay_as_they_were(home: Settings) -> None:
    files = model_signing.sign(DIGEST, FILES, home)
    model_signing.verify(DIGEST, files, home.trusted_keys)
    assert {name: files[name] for name in FILES} == FILES


def test_the_same_key_signs_the_same_files_with_the_same_bytes(home: Settings) -> None:
    assert model_signing.sign(DIGEST, FILES, home) == model_signing.sign(DIGEST, FILES, home)


@pytest.mark.parametrize(
    ("damage", "reported"),
    [
        pytest.param(lambda files: {n: c for n, c in files.items() if n != SIGNATURE}, "has no model.sig", id="none"),
        pytest.param(lambda files: files | {SIGNATURE: b""}, "is not a Sigstore bundle", id="empty"),
        pytest.param(lambda files: files | {SIGNATURE: b"[]"}, "is not a Sigstore bundle", id="a list"),
        pytest.param(lambda files: files | {SIGNATURE: files[SIGNATURE][:-9]}, "is not a Sigstore bundle", id="cut"),
        pytest.param(lambda files: files | {"learner.txt": b"tree"}, "'learner.txt' was signed as .*, found ", id="a file changed"),
        pytest.param(lambda files: files | {"card.md": b"!"}, "'card.md' was signed as nothing, found ", id="a file more"),
        pytest.param(lambda files: {n: c for n, c in files.items() if n != "learner.txt"}, "'learner.txt' was signed as .*, found no such file", id="a file less"),
        pytest.param(lambda files: restated(b"learner", b"leaner_", files), "has a forged signature", id="another statement"),
        pytest.param(lambda files: rewritten(lambda b: b.update(mediaType="x"), files), "of the type", id="another type"),
        pytest.param(lambda files: rewritten(lambda b: b["dsseEnvelope"].update(signatures=[]), files), "is not a Sigstore bundle", id="nobody in it"),
        pytest.param(
            lambda files: rewritten(lambda b: b["verificationMaterial"]["publicKey"].update(hint="0" * 64), files),
            "is signed by the key 0000000000000000, but .* trusts", id="another key's name",
        ),
    ],
)  # fmt: skip
def test_a_package_without_a_whole_signature_is_refused(
    damage: Callable[[dict[str, bytes]], dict[str, bytes]], reported: str, home: Settings
) -> None:
    files = damage(model_signing.sign(DIGEST, FILES, home))
    with pytest.raises(PackageError, match=f"package dddddddddddd .*{reported}.*do not serve it"):
        model_signing.verify(DIGEST, files, home.trusted_keys)


def test_a_foreign_key_is_refused_until_it_is_trusted(home: Settings) -> None:
    foreign(home)
    files = model_signing.sign(DIGEST, FILES, home)
    with pytest.raises(PackageError, match="is signed by the key"):
        model_signing.verify(DIGEST, files, home.trusted_keys)
    add_trusted_key(PACKAGES, home)
    model_signing.verify(DIGEST, files, home.trusted_keys)


def test_after_a_rotation_old_packages_are_served_until_the_old_key_is_taken_away(home: Settings) -> None:
    files, (old,) = model_signing.sign(DIGEST, FILES, home), home.trusted_keys.glob("*.pem")
    foreign(home)
    new = add_trusted_key(PACKAGES, home)
    model_signing.verify(DIGEST, files, home.trusted_keys)
    old.unlink()
    with pytest.raises(PackageError, match=f"trusts {new.stem}"):
        model_signing.verify(DIGEST, files, home.trusted_keys)


def test_where_no_key_is_trusted_nothing_is(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="trusts no key"):
        model_signing.verify(DIGEST, model_signing.sign(DIGEST, FILES, home), tmp_path / "nowhere")


def test_without_a_key_nothing_is_signed(home: Settings) -> None:
    (home.secrets / PACKAGES.key_file).unlink()
    with pytest.raises(SetupError, match="expected the key that signs packages in"):
        model_signing.sign(DIGEST, FILES, home)


def test_trusting_a_key_again_changes_nothing_and_shows_no_secret(home: Settings) -> None:
    (path,) = home.trusted_keys.glob("*.pem")
    assert add_trusted_key(PACKAGES, home) == path
    assert b"PRIVATE" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_the_reference_implementation_signed_is_taken_until_a_byte_changes(tmp_path: Path) -> None:
    made = json.loads(Path(__file__).with_name("model_signing.json").read_text())
    (tmp_path / "theirs.pem").write_text(made["public_key"])
    files = {name: text.encode() for name, text in (made["files"] | {SIGNATURE: made[SIGNATURE]}).items()}
    model_signing.verify(DIGEST, files, tmp_path)
    with pytest.raises(PackageError, match=r"'a.txt' was signed as"):
        model_signing.verify(DIGEST, files | {"a.txt": b"hi"}, tmp_path)
