"""Tables on a timeline: rows sorted by group and by second, asked by binary search.

`O((rows + entities) log rows)`: no row is visited per entity. What a table alone decides is made once and kept by its
`History`; entities ask through `View`s, a stretch of them at a time, so that what they ask stays in a processor's cache
and memory does not grow with their number.
"""

from ml.features.point_in_time.entities import Entities
from ml.features.point_in_time.histories import Clock, TableIndex, TimeAxis, Timeline
from ml.features.point_in_time.instants import seconds, seconds_before
from ml.features.point_in_time.views import AsOfView, ratio

__all__ = ["AsOfView", "Clock", "Entities", "TableIndex", "TimeAxis", "Timeline", "ratio", "seconds", "seconds_before"]
