"""What the judged rows say of a model besides the verdict: where it is good, where it is weak, whom it treats how."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml import curves, fairness, segments, slicing
from ml.arrays import Booleans, Strings
from ml.curves import Bin, Gains
from ml.evaluation import Answered
from ml.fairness import Group
from ml.promotion import Check
from ml.segments import Segment
from ml.slicing import Search
from ml.usecase import EdgeCase, UseCase

_SEED = 20130205


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """Everything found of one model, on rows that it had not learned from; `gates` are the checks of its fairness."""

    segments: tuple[Segment, ...]
    search: Search
    groups: tuple[Group, ...]
    gates: tuple[Check, ...]
    bins: tuple[Bin, ...]
    gains: Gains


def measure(
    use_case: UseCase,
    earlier: Answered,
    judged: Answered,
    *,
    edge_cases: Mapping[EdgeCase, Booleans],
    slices: Mapping[str, Booleans],
    levels: Mapping[str, Strings],
    among: Booleans,
) -> Findings:
    """Return what is found on `judged`; weak slices are sought on the `earlier` rows, of other nights.

    The frames hold what weak slices may be told by; masks and `levels` (the text of each row's group) are over
    `judged`, groups compared `among` those rows.
    """
    gates, cost, declared = use_case.gates, use_case.cost, use_case.fairness
    groups = fairness.measure(judged, levels, among, declared, cost, gates.confidence) if declared else ()
    return Findings(
        segments=segments.measure(judged, edge_cases, slices, gates, cost),
        search=slicing.search(earlier, judged, gates.confidence, _SEED),
        groups=groups,
        gates=fairness.checks(groups, declared) if declared else (),
        bins=curves.reliability(judged, gates.confidence),
        gains=curves.gains(judged, cost),
    )
