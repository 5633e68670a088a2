"""Quality by slice of the judged rows: all rows, the latest nights, declared edge cases, and each level of a slice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ml.arrays import Booleans, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval, ScoredRows
from ml.targets import Quality, Target
from ml.usecase import EdgeCase, Gates

_SEED = 20130202


class SliceKind(StrEnum):
    """The kind of a slice."""

    ALL = "all rows"
    RECENT = "latest nights"
    EDGE_CASE = "edge case"
    SLICE = "slice"


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceMetrics:
    """A slice and its quality: None without rows; an interval is None if there are too few nights.

    `calibration` is the mean score divided by the mean label: below 1, the scores are too low. For a regression, it is
    the share of labels below the score. Both intervals are over nights.
    """

    kind: SliceKind
    name: str
    why: str
    quality: Quality | None
    loss: Interval | None
    calibration: Interval | None


def measure(
    rows: ScoredRows,
    edge_cases: Mapping[EdgeCase, Booleans],
    slices: Mapping[str, Booleans],
    gates: Gates,
    target: Target,
) -> tuple[SliceMetrics, ...]:
    """Return the quality on every slice, all rows first; the masks are over `rows`, each of shape (n,)."""
    return tuple(
        _measure_slice(kind, name, why, rows, mask, gates.confidence, target)
        for kind, name, why, mask in _slices(rows.nights, edge_cases, slices, gates.recent_nights)
    )


def _slices(
    nights: Strings, edge_cases: Mapping[EdgeCase, Booleans], slices: Mapping[str, Booleans], recent_nights: int
) -> Iterator[tuple[SliceKind, str, str, Booleans]]:
    yield SliceKind.ALL, "all", "", np.ones(len(nights), bool)
    since = np.unique(nights)[-recent_nights:][0]
    yield SliceKind.RECENT, f"since {since}", f"the latest {recent_nights} of the judged nights", nights >= since
    for case, mask in edge_cases.items():
        yield SliceKind.EDGE_CASE, case.name, case.why, mask
    for name, mask in slices.items():
        yield SliceKind.SLICE, name, "", mask


def _measure_slice(
    kind: SliceKind, name: str, why: str, rows: ScoredRows, mask: Booleans, confidence: float, target: Target
) -> SliceMetrics:
    if not mask.any():
        return SliceMetrics(kind=kind, name=name, why=why, quality=None, loss=None, calibration=None)
    labels, scores, nights = rows.labels[mask], rows.scores[mask], rows.nights[mask]
    losses = target.row_loss(labels, scores)
    return SliceMetrics(
        kind=kind,
        name=name,
        why=why,
        quality=target.measure(labels, scores, nights),
        loss=intervals.ratio_by_night(losses, np.ones(len(losses)), nights, confidence, _SEED),
        calibration=target.calibration_by_night(labels, scores, nights, confidence, _SEED),
    )
