"""Features as of a cutoff: declarations in, one typed frame out.

Point-in-time by construction: a lookup reads only rows with `known_at <= cutoff`, through a `timeline.View`.
"""

from ml.features.build import CUTOFF, ENTITY, Timer, build, lookups_at_event
from ml.features.rows import call, call_numeric, entity_ids

__all__ = ["CUTOFF", "ENTITY", "Timer", "build", "call", "call_numeric", "entity_ids", "lookups_at_event"]
