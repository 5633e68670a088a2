from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from ml.scoring import manifest
from ml.scoring.manifest import Mismatch

FILES = st.dictionaries(st.sampled_from(["a", "b", "c", manifest.NAME]), st.binary(max_size=3))


def promise(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: manifest.sha256(content) for name, content in files.items() if name != manifest.NAME}


@given(FILES)
def test_files_keep_their_own_promise(files: dict[str, bytes]) -> None:
    assert manifest.mismatches(promise(files), files) == ()


@given(FILES, FILES)
def test_every_file_that_differs_is_a_fault_and_no_other(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    names = (before.keys() | after.keys()) - {manifest.NAME}
    differing = sorted(name for name in names if before.get(name) != after.get(name))
    assert [fault.name for fault in manifest.mismatches(promise(before), after)] == differing


def test_a_fault_tells_what_was_promised_and_what_came() -> None:
    promised, files = {"gone": "1" * 64, "kept": manifest.sha256(b"k")}, {"kept": b"k", "new": b"n"}
    assert manifest.mismatches(promised, files) == (
        Mismatch(name="gone", expected="1" * 64, actual=None),
        Mismatch(name="new", expected=None, actual=manifest.sha256(b"n")),
    )


def test_the_digest_is_sha_256() -> None:
    assert manifest.sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
