"""When to try again what keeps failing: after delays that double up to a limit."""

import math
import time
from collections.abc import Callable

_FIRST_SECONDS, _LONGEST_SECONDS = 0.25, 15.0
_PAUSE_FACTOR = 10  # attempts take at most about a tenth of the time


def delay(failures: int, attempt_seconds: float = 0.0) -> float:
    """Return the seconds to wait after that many failures in a row, the last of which took `attempt_seconds`.

    >>> [delay(failures) for failures in (1, 2, 3, 7, 1000)], delay(1, attempt_seconds=3.0)
    ([0.25, 0.5, 1.0, 15.0, 15.0], 30.0)
    """
    doubled = _FIRST_SECONDS * math.ldexp(1.0, min(failures - 1, 60))
    return max(min(doubled, _LONGEST_SECONDS), _PAUSE_FACTOR * attempt_seconds)


class Backoff:
    """The next time at which an action that failed should be tried again; at once before the first failure."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.reset()

    @property
    def is_due(self) -> bool:
        """Whether the delay after the last failure is over."""
        return self._clock() >= self._due_at

    def record_failure(self, attempt_seconds: float = 0.0) -> None:
        """Start the delay after one more failure, which took `attempt_seconds`."""
        self._failures += 1
        self._due_at = self._clock() + delay(self._failures, attempt_seconds)

    def reset(self) -> None:
        """Forget the failures."""
        self._failures, self._due_at = 0, -math.inf
