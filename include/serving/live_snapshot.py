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
    store = pool.serving.champion.snapshot_store if pool.ready else None
    served = store.served if store else None
    if store is None or served is None or snapshots.AS_OF not in served.facts:
        return None
    return LiveSnapshot(
        snapshot=served,
        as_of=datetime.fromisoformat(str(served.facts[snapshots.AS_OF])).timestamp(),
        age_seconds=max(time.time() - store.published_at, 0.0),
    )
