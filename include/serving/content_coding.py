"""Decode a request body as its headers say: compressed by gzip or deflate, and in an encoding of Unicode."""

import codecs
import json
import zlib

from ml.errors import ScoreRequestError
from ml.scoring.request_schema import truncate

_IDENTITY = ("", "identity")
_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
_CHARSETS = ("us-ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_CODECS = {codecs.lookup(name).name: name for name in (*_CHARSETS, "utf-8-sig")}


class CodingError(ScoreRequestError):
    """The body is compressed or encoded in a way that the server does not decode."""


class TooLargeError(ScoreRequestError):
    """The body has more bytes than are allowed once it is decoded."""


def decompress(body: bytes, coding: str, limit: int) -> bytes:
    """Return `body` decompressed, whose `Content-Encoding` is `coding`; never more than `limit` bytes are produced.

    Raises CodingError for another coding than gzip and deflate, TooLargeError, and ScoreRequestError for bytes that are
    not one whole stream of this coding.

    >>> decompress(zlib.compress(b"{}"), "deflate", limit=2)
    b'{}'
    """
    name = coding.strip().lower()
    if name in _IDENTITY:
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        raise CodingError(f"expected the Content-Encoding gzip, deflate or none, got {truncate(coding)}")
    stream = zlib.decompressobj(_GZIP if name != "deflate" else _ZLIB if _has_zlib_header(body) else _RAW_DEFLATE)
    try:
        decoded = stream.decompress(body, limit + 1)
    except zlib.error as fault:
        raise ScoreRequestError(f"expected a body in {name}, as its Content-Encoding says, but: {fault}") from None
    if len(decoded) > limit:
        raise TooLargeError(f"expected at most {limit} bytes after {name} is decoded, got more: send several requests")
    if not stream.eof:
        raise ScoreRequestError(f"expected a whole body in {name}, but it ends too early: send all of it")
    if stream.unused_data:
        raise ScoreRequestError(
            f"expected one stream of {name}, but {len(stream.unused_data)} bytes follow its end: send only the stream"
        )
    return decoded


def to_utf8(body: bytes, charset: str, limit: int) -> bytes:
    """Return the text `body` in UTF-8 without a byte order mark, of at most `limit` bytes.

    `charset` is that of the content type; without one, it is detected. Raises CodingError for a charset that is not
    Unicode, TooLargeError, and ScoreRequestError for bytes that are none of its texts.

    >>> to_utf8("{}".encode("utf-16"), charset="", limit=10)
    b'{}'
    """
    name = _known_charset(charset) if charset else json.detect_encoding(body[:4])
    if name == "utf-8" and not body.startswith(codecs.BOM_UTF8):
        return body
    try:
        text = body.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError as fault:
        raise ScoreRequestError(f"expected text in {name}, but: {fault}") from None
    encoded = text.encode()
    if len(encoded) > limit:
        raise TooLargeError(f"expected at most {limit} bytes of UTF-8, got {len(encoded)}: send several requests")
    return encoded


def _known_charset(charset: str) -> str:
    try:
        return _CODECS[codecs.lookup(charset).name]
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        raise CodingError(f"expected the charset {', '.join(_CHARSETS)}, got {truncate(charset)}") from None


def _has_zlib_header(body: bytes) -> bool:
    """Return whether deflate comes with the header that HTTP demands; some clients leave it out."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
