"""Gaps between the snapshots of a live horizon: the time in which no snapshot was young enough to answer from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotGaps:
    """The longest time without a new snapshot in minutes, and in how many of such times the last one became too old."""

    longest_minutes: float
    late: int


def measure(moments: Sequence[datetime], first: datetime, last: datetime, max_age: timedelta) -> SnapshotGaps:
    """Return the gaps of snapshots as of `moments` between `first` and `last`, during which they are needed.

    A snapshot before `first` counts with its age at `first`. A gap is late when it is longer than `max_age`.

    >>> noon = datetime(2024, 3, 17, 12)
    >>> moments = [noon + timedelta(minutes=each) for each in (0, 15, 30, 120)]
    >>> measure(moments, noon, noon + timedelta(minutes=130), timedelta(minutes=60))
    SnapshotGaps(longest_minutes=90.0, late=1)
    """
    before = [each for each in moments if each <= first]
    within = [each for each in moments if first < each < last]
    needed = [max(before, default=first), *sorted(within), last]
    gaps = [until - since for since, until in pairwise(needed)]
    return SnapshotGaps(longest_minutes=max(gaps) / timedelta(minutes=1), late=sum(each > max_age for each in gaps))
