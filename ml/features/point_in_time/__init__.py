"""Point-in-time lookups by binary search in rows that are sorted by group and second.

The cost is `O((rows + entities) log rows)`. A `TableIndex` computes once everything that depends on the table alone.
Entities look up rows through an `AsOfView`, one chunk of entities at a time, so that the working set stays in the CPU
cache and memory does not grow with the number of entities.
"""

from ml.features.point_in_time.entities import Entities
from ml.features.point_in_time.histories import Clock, TableIndex, TimeAxis, Timeline
from ml.features.point_in_time.instants import MISSING, seconds, seconds_before
from ml.features.point_in_time.views import AsOfView, ratio

__all__ = [
    "MISSING",
    "AsOfView",
    "Clock",
    "Entities",
    "TableIndex",
    "TimeAxis",
    "Timeline",
    "ratio",
    "seconds",
    "seconds_before",
]
