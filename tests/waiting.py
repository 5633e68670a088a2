"""Waits for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(ask: Callable[[], Answer | None], seconds: float = 300, pause: float = 0.3) -> Answer:
    """Return the first answer of `ask` that is not None; fails after `seconds`, which only a hang should take."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(pause)
    return answer
