"""Waits for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

from include.patience import Patience

Answer = TypeVar("Answer")


def eventually(ask: Callable[[], Answer | None], seconds: float = 300, pause: float = 0.3) -> Answer:
    """Return the first answer of `ask` that is not None; fails after `seconds` of a quiet machine: only a hang takes so long."""
    patience = Patience(seconds)
    while (answer := ask()) is None:
        assert not patience.is_spent(), f"{patience} in vain"
        time.sleep(pause)
    return answer
