"""The snapshot of a live horizon that a server looks entities up in: its moment, and its age."""

import time
from dataclasses import dataclass

from include.serving.model_pool import ModelPool
from ml.features.snapshots import FeatureSnapshot, LiveFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSnapshot:
    """A live snapshot with what it says of itself, and the time since it was published."""

    snapshot: FeatureSnapshot
    facts: LiveFacts
    age_seconds: float

    @property
    def is_too_old(self) -> bool:
        """Whether it is older than the horizon declares."""
        return self.age_seconds > 60 * self.facts.max_age_minutes


def of(pool: ModelPool) -> LiveSnapshot | None:
    """Return the live snapshot that the champion of `pool` uses; None without one, and at the night's horizon."""
    current = pool.serving.champion.snapshot_store.current if pool.ready else None
    if current is None or current[0].live is None:
        return None
    snapshot, ref = current
    return LiveSnapshot(snapshot=snapshot, facts=current[0].live, age_seconds=max(time.time() - ref.published_at, 0.0))
