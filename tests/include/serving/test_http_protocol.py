"""What goes over the wire, and in how many pieces."""

import asyncio
from typing import Any

import pytest

from include.serving.http_protocol import BufferedTransport


class Sent:
    """A transport that remembers what it was told to send."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.pieces.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.mark.parametrize(
    ("reported", "pieces"),
    [
        ([b"head", b"body"], [b"headbody"]),
        ([b"head"], [b"head"]),
        ([b"head", b"body", b"head", b"body"], [b"headbody", b"headbody"]),
        ([b"head", None, b"body"], [b"head", b"body"]),
        ([b"head", b"", b"next"], [b"head", b"next"]),
    ],
    ids=["an answer", "nothing follows", "two answers", "the body comes late", "an empty body"],
)
def test_an_answer_is_one_piece_and_nothing_waits_for_ever(reported: list[bytes | None], pieces: list[bytes]) -> None:
    async def walk() -> Sent:
        sent = Sent()
        whole = BufferedTransport(sent, asyncio.get_running_loop())  # type: ignore[arg-type]
        for each in reported:
            if each is None:
                await asyncio.sleep(0)
            else:
                whole.write(each)
        await asyncio.sleep(0)
        return sent

    assert asyncio.run(walk()).pieces == pieces


def test_what_is_held_goes_out_before_the_end() -> None:
    async def walk() -> tuple[Sent, Any]:
        sent = Sent()
        whole = BufferedTransport(sent, asyncio.get_running_loop())  # type: ignore[arg-type]
        whole.write(b"head")
        whole.close()
        await asyncio.sleep(0)
        return sent, whole.is_closing()

    sent, closing = asyncio.run(walk())
    assert (sent.pieces, sent.closed, closing) == ([b"head"], True, True)
