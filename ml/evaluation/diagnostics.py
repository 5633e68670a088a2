"""What the judged rows say of a model besides the verdict: where it is good, where it is weak, whom it treats how."""

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
    """Everything found of one model, on rows that it had not learned from; `gates` are the checks of its fairness.

    `gains` is None where nobody acts above a threshold.
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
    """Return what is found on `judged`; weak slices are sought on the `earlier` rows, of other nights.

    The frames hold what weak slices may be told by; masks and `levels` (the text of each row's group) are over
    `judged`, groups compared `among` those rows.
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
