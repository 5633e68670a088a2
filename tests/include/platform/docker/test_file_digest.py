"""What makes two trees of files the same, and what does not."""

import io
import tarfile
from dataclasses import dataclass, replace

import pytest

from include.platform.docker import file_digest


@dataclass(frozen=True)
class File:
    """A file of an image."""

    name: str
    content: bytes = b"text"
    mode: int = 0o644
    owner: int = 0
    time: int = 0
    link: str = ""


FILES = (File("opt/a"), File("opt/b"), File("etc/os-release"))


def digest(*files: File) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for each in files:
            reported = tarfile.TarInfo(each.name)
            reported.mode, reported.uid, reported.mtime, reported.linkname = each.mode, each.owner, each.time, each.link
            reported.type, reported.size = (tarfile.SYMTYPE, 0) if each.link else (tarfile.REGTYPE, len(each.content))
            tar.addfile(reported, io.BytesIO(each.content))
    text = packed.getvalue()
    return file_digest.digest_tar(text[start : start + 100] for start in range(0, len(text), 100))


def test_neither_order_nor_time_nor_the_engine_s_own_files_matter() -> None:
    others = (replace(FILES[0], time=99), File("etc/hosts", b"127.0.0.1"), File("dev/console"), File(".dockerenv"))
    assert digest(*FILES) == digest(*reversed(FILES[1:]), *others)


@pytest.mark.parametrize(
    "changed",
    [{"content": b"texT"}, {"mode": 0o600}, {"owner": 7}, {"name": "opt/c"}, {"link": "opt/b"}],
    ids=lambda changed: next(iter(changed)),
)
def test_everything_else_matters(changed: dict[str, object]) -> None:
    assert digest(*FILES) != digest(replace(FILES[0], **changed), *FILES[1:])  # type: ignore[arg-type]


def test_a_file_that_is_lacking_matters() -> None:
    assert digest(*FILES) != digest(*FILES[:-1])
