"""Reproducible archives: the same files give the same bytes, whenever and wherever they are packed."""

import io
import struct
import tarfile
import zlib
from collections.abc import Mapping

_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # deflate, no name, no time, an unknown system (RFC 1952, 2.3)
_BLOCK_BYTES, _32_BITS = 0xFFFF, 0xFFFFFFFF


def tar(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of `files` by path, sorted, readable by everybody, without times and owners.

    >>> tar({"a/b.txt": b"one", "c.txt": b""}) == tar({"c.txt": b"", "a/b.txt": b"one"})
    True
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    return packed.getvalue()


def gzip(content: bytes) -> bytes:
    r"""Return `content` in the format of gzip, not compressed, because another compressor could write other bytes.

    The content is in stored blocks (RFC 1951, 3.2.4) of at most 65,535 bytes.

    >>> import gzip as standard
    >>> standard.decompress(gzip(b"abc" * 50_000)) == b"abc" * 50_000
    True
    """
    starts = range(0, max(len(content), 1), _BLOCK_BYTES)
    blocks = [_stored_block(content[start : start + _BLOCK_BYTES], is_last=start == starts[-1]) for start in starts]
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & _32_BITS)
    return b"".join([_GZIP_HEADER, *blocks, trailer])


def _stored_block(content: bytes, *, is_last: bool) -> bytes:
    return struct.pack("<BHH", is_last, len(content), len(content) ^ 0xFFFF) + content
