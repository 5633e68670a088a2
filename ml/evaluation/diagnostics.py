"""Diagnostics of a model on the judged rows: quality by slice, weak slices, group fairness, reliability and gains."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml.arrays import Booleans, Strings
from ml.evaluation import slice_discovery, slice_metrics
from ml.evaluation.slice_discovery import SliceSearch
from ml.evaluation.slice_metrics import SliceMetrics
from ml.governance.checks import Check
from ml.metrics import curves
from ml.metrics.curves import GainsCurve, ReliabilityBin
from ml.statistics.intervals import ScoredRows
from ml.targets import Group, Target
from ml.usecase import EdgeCase, UseCase

_SEED = 20130205


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostics:
    """All diagnostics of one model, measured on rows that it was not fitted on.

    `gains_curve` is None if the use case does not act on scores above a threshold.
    """

    segments: tuple[SliceMetrics, ...]
    slice_search: SliceSearch
    groups: tuple[Group, ...]
    fairness_checks: tuple[Check, ...]
    reliability_bins: tuple[ReliabilityBin, ...]
    gains_curve: GainsCurve | None


def measure(
    use_case: UseCase,
    target: Target,
    earlier: ScoredRows,
    judged: ScoredRows,
    *,
    edge_cases: Mapping[EdgeCase, Booleans],
    slices: Mapping[str, Booleans],
    levels: Mapping[str, Strings],
    included: Booleans,
) -> Diagnostics:
    """Return the diagnostics on the `judged` rows, with weak slices searched on the `earlier` rows, of other nights.

    The frames of both have the columns that rules of weak slices may use. `edge_cases`, `slices` and `included` are
    masks over `judged`; `levels` has, for each column of a fairness declaration, the group of each judged row as text.
    Groups are compared only on the `included` rows.
    """
    gates, declared = use_case.gates, use_case.fairness
    groups = target.measure_groups(judged, levels, included, declared, gates.confidence) if declared else ()
    return Diagnostics(
        segments=slice_metrics.measure(judged, edge_cases, slices, gates, target),
        slice_search=slice_discovery.search(earlier, judged, gates.confidence, _SEED, target),
        groups=groups,
        fairness_checks=target.group_checks(groups, declared) if declared else (),
        reliability_bins=curves.reliability_bins(
            judged, target.row_calibration(judged.labels, judged.scores), gates.confidence
        ),
        gains_curve=target.gains(judged),
    )
