"""The snapshot of a live horizon that a server looks entities up in: its moment, and its age."""

import time
from dataclasses import dataclass
from datetime import datetime

from include.serving.model_pool import ModelPool
from ml.features import snapshots
from ml.features.snapshots import FeatureSnapshot


@dataclass(frozen=True, kw_only=True)
class LiveSnapshot:
    """A live snapshot: `as_of` is its moment in seconds since 1970, `age_seconds` the time since it was published."""

    snapshot: FeatureSnapshot
    as_of: float
    age_seconds: float

    @property
    def is_too_old(self) -> bool:
        """Whether it is older than the horizon declares."""
        return self.age_seconds > 60 * float(str(self.snapshot.facts[snapshots.MAX_AGE_MINUTES]))

    @property
    def hours(self) -> float:
        """How many hours the cutoff of an entity is before its event."""
        return float(str(self.snapshot.facts[snapshots.HOURS]))


def of(pool: ModelPool) -> LiveSnapshot | None:
    """Return the live snapshot that the champion of `pool` uses; None without one, and at the night's horizon."""
    current = pool.serving.champion.snapshot_store.current if pool.ready else None
    if current is None or snapshots.AS_OF not in current[0].facts:
        return None
    snapshot, ref = current
    return LiveSnapshot(
        snapshot=snapshot,
        as_of=datetime.fromisoformat(str(snapshot.facts[snapshots.AS_OF])).timestamp(),
        age_seconds=max(time.time() - ref.published_at, 0.0),
    )
