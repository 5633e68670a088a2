"""Features as of a cutoff: computes one typed frame from the declarations of a use case.

Features are point in time by construction: lookups read tables only through a `point_in_time.AsOfView`, which has the
rows with `known_at <= cutoff`.
"""

from ml.features.build import CUTOFF, ENTITY, Timer, build, cutoffs_by_entity, lookups_at_event
from ml.features.rows import call, call_numeric, entity_ids

__all__ = [
    "CUTOFF",
    "ENTITY",
    "Timer",
    "build",
    "call",
    "call_numeric",
    "cutoffs_by_entity",
    "entity_ids",
    "lookups_at_event",
]
