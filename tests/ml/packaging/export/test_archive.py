"""Archives that any program reads, of the same bytes whenever they are packed."""

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.packaging.export import archive

FILES = {"model/learner.txt": b"tree", "model/empty": b"", "model/" + "x" * 90: b"a long name"}


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 131_070, 131_071, 200_000])
def test_gzip_decompresses_to_the_content(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert gzip.decompress(archive.gzip(content)) == content


def test_the_program_gzip_finds_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "content.gz"
    path.write_bytes(archive.gzip(b"abc" * 50_000))
    assert subprocess.run(["gzip", "--test", str(path)], capture_output=True, check=False).returncode == 0


@given(st.dictionaries(st.text("abc/", min_size=1).map(lambda each: f"f{each.strip('/')}"), st.binary(max_size=600)))
def test_a_tar_has_the_files_whatever_their_order(files: dict[str, bytes]) -> None:
    packed = archive.tar(files)
    assert packed == archive.tar(dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert {each.name: tar.extractfile(each).read() for each in tar} == files  # type: ignore[union-attr]


def test_members_are_readable_by_everybody_and_have_no_time_and_no_owner() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive.tar(FILES))) as tar:
        assert {(each.mode, each.mtime, each.uid, each.gid, each.uname, each.gname) for each in tar} == {
            (0o644, 0, 0, 0, "", "")
        }
