"""Features as of a cutoff: declarations in, one typed frame out.

Point-in-time by construction: a lookup reads only rows with `known_at <= cutoff`, through a `timeline.View`.
"""

from ml.features.build import CUTOFF, ENTITY, Watch, at_event, build
from ml.features.rows import call, entity_ids, number

__all__ = ["CUTOFF", "ENTITY", "Watch", "at_event", "build", "call", "entity_ids", "number"]
