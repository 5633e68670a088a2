import numpy as np

from ml.evaluation import diagnostics
from ml.governance.checks import CheckStatus
from ml.usecase import EdgeCase, Fairness, Gates
from tests.ml.answers import YES_OR_NO, answered, zones
from tests.ml.usecase.test_use_case import use_case

JUDGED, EARLIER = answered(), answered(nights=20, seed=3)
EVERYBODY = np.ones(len(JUDGED.labels), bool)
STORM = EdgeCase(name="storm", condition="is_storm", why="it matters most")


def measured(**changes: object) -> diagnostics.Diagnostics:
    case = use_case(gates=Gates(), edge_cases=(STORM,), **changes)
    masks = {STORM: EVERYBODY}
    return diagnostics.measure(
        case,
        YES_OR_NO,
        EARLIER,
        JUDGED,
        edge_cases=masks,
        slices={"zone=a": EVERYBODY},
        levels=zones(JUDGED),
        included=EVERYBODY,
    )


def test_everything_is_found_on_the_judged_rows() -> None:
    result = measured(fairness=Fairness(group_by=("zone",)))
    assert [each.name for each in result.segments] == ["all", "since 2013-02-06", "storm", "zone=a"]
    assert [each.level for each in result.groups] == ["east", "north", "south"]
    assert {check.status for check in result.fairness_checks} == {CheckStatus.PASS}
    assert sum(each.rows for each in result.reliability_bins) == len(JUDGED.labels)
    assert result.slice_search.rows == len(EARLIER.labels)


def test_groups_are_compared_only_where_that_is_declared() -> None:
    result = measured()
    assert (result.groups, result.fairness_checks) == ((), ())
