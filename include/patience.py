"""Limits on waiting for other processes, in seconds of a quiet machine.

On a busy machine, a process gets only a part of a core, so what takes a minute on a quiet one may take ten. While it
waits, a `Patience` measures this part from time to time, and counts only it.
"""

import time
from collections.abc import Callable

_PROBE_SECONDS = 0.02  # CPU time of one measurement
_LONGEST_PAUSE, _PAUSES = 10.0, 60
_SMALLEST_SHARE = 0.02  # what hangs is given up after 50 times the limit, however busy the machine is


def measure_share() -> float:
    """Return the share of a core that this thread gets at present, between 0 and 1, by working for 20 ms."""
    started_at, used_before = time.perf_counter(), time.thread_time()
    while (used := time.thread_time() - used_before) < _PROBE_SECONDS:
        pass
    return min(1.0, used / (time.perf_counter() - started_at))


class Patience:
    """A limit of `seconds` on a quiet machine; it starts when it is made."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        measure: Callable[[], float] = measure_share,
    ) -> None:
        self.seconds, self._clock, self._measure = seconds, clock, measure
        self.pause = min(_LONGEST_PAUSE, seconds / _PAUSES)
        self._started_at = self._measured_at = clock()
        self._counted = 0.0

    def is_spent(self) -> bool:
        """Return whether the limit is over; call it often, because it also measures the machine."""
        elapsed = self._clock() - self._measured_at
        if elapsed >= self.pause:
            self._counted += elapsed * max(_SMALLEST_SHARE, self._measure())
            self._measured_at = self._clock()
        return self._counted >= self.seconds

    def __str__(self) -> str:
        """Return how long it was waited, and how much of it counts."""
        waited = self._clock() - self._started_at
        text = f"waited {waited:.0f} s"
        if self._counted < 0.9 * waited:
            text += f", in which this busy machine gave a process {self._counted / waited:.0%} of a core,"
        return text
