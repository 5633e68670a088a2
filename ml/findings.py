"""What the judged rows say of a model besides the verdict: where it is good, where it is weak, whom it treats how."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml import curves, segments, slicing
from ml.arrays import Booleans, Strings
from ml.checks import Check
from ml.curves import Bin, Gains
from ml.evaluation import Answered
from ml.segments import Segment
from ml.slicing import Search
from ml.targets import Group, Target
from ml.usecase import EdgeCase, UseCase

_SEED = 20130205


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """Everything found of one model, on rows that it had not learned from; `gates` are the checks of its fairness.

    `gains` is None where nobody acts above a threshold.
    """

    segments: tuple[Segment, ...]
    search: Search
    groups: tuple[Group, ...]
    gates: tuple[Check, ...]
    bins: tuple[Bin, ...]
    gains: Gains | None


def measure(
    use_case: UseCase,
    target: Target,
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
    gates, declared = use_case.gates, use_case.fairness
    groups = target.groups(judged, levels, among, declared, gates.confidence) if declared else ()
    return Findings(
        segments=segments.measure(judged, edge_cases, slices, gates, target),
        search=slicing.search(earlier, judged, gates.confidence, _SEED, target),
        groups=groups,
        gates=target.group_checks(groups, declared) if declared else (),
        bins=curves.reliability(judged, gates.confidence, target),
        gains=target.gains(judged),
    )
