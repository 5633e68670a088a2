"""A body is decoded within its limit, whole and as one stream, or refused by what is wrong with it."""

import codecs
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from include.serving import content_coding
from include.serving.content_coding import CodingError, TooLargeError
from ml.errors import ScoreRequestError

LIMIT = 1000
PACKED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@given(body=some.binary(max_size=LIMIT), coding=some.sampled_from(sorted(PACKED)))
def test_what_was_packed_comes_back_and_each_beginning_of_it_is_refused(body: bytes, coding: str) -> None:
    packed = PACKED[coding](body)
    assert content_coding.decompress(packed, coding, LIMIT) == body
    for end in {0, 1, len(packed) // 2, len(packed) - 1}:
        with pytest.raises(ScoreRequestError, match=f"expected a (whole )?body in {coding}"):
            content_coding.decompress(packed[:end], coding, LIMIT)


@pytest.mark.parametrize("coding", PACKED)
def test_what_follows_the_stream_is_refused_also_another_stream(coding: str) -> None:
    packed = PACKED[coding](b"{}")
    for more in (b"x", packed):
        with pytest.raises(ScoreRequestError, match=f"{len(more)} bytes follow its end"):
            content_coding.decompress(packed + more, coding, LIMIT)


@pytest.mark.parametrize("coding", PACKED)
def test_the_decoded_size_counts(coding: str) -> None:
    assert len(content_coding.decompress(PACKED[coding](b" " * LIMIT), coding, LIMIT)) == LIMIT
    for size in (LIMIT + 1, 50_000_000):
        with pytest.raises(TooLargeError, match="at most 1000 bytes"):
            content_coding.decompress(PACKED[coding](b" " * size), coding, LIMIT)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip;q=1", "x" * 5000])
def test_another_coding_is_refused_by_name(coding: str) -> None:
    with pytest.raises(CodingError, match="expected the Content-Encoding gzip, deflate or none, got"):
        content_coding.decompress(b"{}", coding, LIMIT)


@given(text=some.text(some.characters(exclude_categories=["Cs"], min_codepoint=1), max_size=50))
def test_every_encoding_of_unicode_is_read_if_it_is_named(text: str) -> None:
    body = "{" + text
    for charset in UNICODE:
        assert content_coding.to_utf8(body.encode(charset), charset, LIMIT) == body.encode()
        assert content_coding.to_utf8(body.encode(charset), charset.upper(), LIMIT) == body.encode()


@pytest.mark.parametrize("charset", UNICODE)
def test_of_json_the_encoding_is_detected(charset: str) -> None:
    assert content_coding.to_utf8('{"a": "ä"}'.encode(charset), "", LIMIT) == '{"a": "ä"}'.encode()


@pytest.mark.parametrize("charset", ["latin-1", "koi8-r", "utf-7", "nothing", "\0", "rot13", "hex", "x" * 5000])
def test_another_charset_is_refused_by_name(charset: str) -> None:
    with pytest.raises(CodingError, match="expected the charset us-ascii, utf-8, .*, got"):
        content_coding.to_utf8(b"{}", charset, LIMIT)


def test_bytes_that_are_no_text_of_their_charset_are_refused() -> None:
    for body in (codecs.BOM_UTF16_LE + b"{", codecs.BOM_UTF16_LE + b"\x00\xd8", codecs.BOM_UTF8 + b"\xff"):
        with pytest.raises(ScoreRequestError, match="expected text in utf"):
            content_coding.to_utf8(body, "", LIMIT)
    with pytest.raises(TooLargeError):
        content_coding.to_utf8(("\u20ac" * LIMIT).encode("utf-16"), "", 2 * LIMIT)
