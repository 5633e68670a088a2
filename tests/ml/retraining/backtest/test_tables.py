"""Tables say what was shown and nothing else."""

from dataclasses import replace

import pytest

from ml.retraining.backtest import policies, results, tables
from ml.retraining.backtest.results import PolicyDifference
from ml.statistics.intervals import Interval
from tests.ml.retraining.backtest import world
from tests.ml.retraining.backtest.world import TRIGGERS

SCENE = world.scene(world.past())


def measured() -> results.Results:
    walks, grown = [], {}
    for policy in policies.parse("never,every@6,triggers", TRIGGERS):
        walk, grown = world.played(policy, SCENE, grown)
        walks.append(walk)
    return results.measure(walks, SCENE, grown, 0.95)


FOUND = measured()


def test_every_row_of_the_table_is_as_long_as_its_heads_and_begins_with_the_policy() -> None:
    rows = tables.policy_rows(FOUND, ("never",))
    assert {len(row) for row in rows} == {len(tables.headers(FOUND, ("never",)))}
    assert [row[0] for row in rows] == ["never", "every@6", "triggers"]
    assert [row[1] for row in rows] == [str(each.trainings) for each in FOUND.policies]


def test_a_gain_is_told_from_the_side_of_the_one_that_gains() -> None:
    gained, lost = tables.gain(FOUND, "every@6", "never"), tables.gain(FOUND, "never", "every@6")
    assert gained is not None
    assert lost is not None
    assert (gained.value, gained.low, gained.high) == (-lost.value, -lost.high, -lost.low)
    never, scheduled = FOUND.policies[:2]
    assert (gained.value > 0) == (scheduled.quality.loss < never.quality.loss)
    assert tables.gain(FOUND, "never", "never") is None


def test_an_interval_that_holds_zero_is_told_as_no_difference() -> None:
    assert tables.describe_gain(Interval(value=0.1, low=-0.1, high=0.3)).startswith(tables.NO_DIFFERENCE)
    assert tables.describe_gain(Interval(value=0.1, low=0.05, high=0.3)) == "+0.1000 [+0.0500, +0.3000]"
    assert tables.describe_gain(None) == ""


def test_only_policies_with_triggers_that_fired_are_told_to_have() -> None:
    ((policy, said, asked),) = tables.fired_triggers(FOUND)
    assert policy == "triggers"
    assert said.startswith("calibration_gap ")
    assert asked.split(", ") == list(FOUND.policies[-1].requested_nights)


@pytest.mark.parametrize(
    ("low", "high", "better"),
    [(0.01, 0.03, "the second"), (-0.03, -0.01, "the first"), (-0.01, 0.03, tables.NO_DIFFERENCE)],
)
def test_a_row_of_differences_names_the_better_one_only_where_it_is_shown(low: float, high: float, better: str) -> None:
    interval = Interval(value=(low + high) / 2, low=low, high=high)
    row = tables.difference_row(PolicyDifference(first="never", second="every@6", loss=interval, saved=interval))
    assert (row[0], row[1], row[-1]) == ("never", "every@6", better)


def test_policies_that_never_answer_differently_are_told_to_be_the_same() -> None:
    assert tables.describe_gain(Interval(value=0.0, low=0.0, high=0.0)) == "the same answers"


def test_checks_that_were_not_passed_are_counted_by_policy() -> None:
    never, *others = FOUND.policies
    reported = replace(
        FOUND,
        policies=(
            never,
            *(replace(each, failed_check_counts={"log loss gain": 2, "slice zone": 1}) for each in others),
        ),
    )
    assert tables.failed_checks(reported)[0] == ["every@6", "log loss gain 2x, slice zone 1x"]
    assert tables.failed_checks(FOUND) == []


def test_each_price_has_a_column_with_what_is_left_after_it() -> None:
    assert FOUND.prices == ()
    priced = replace(FOUND, prices=(10.0, 500.0))
    headers, rows = tables.headers(priced, ("never",)), tables.policy_rows(priced, ("never",))
    assert headers[-3:-1] == ["net at 10 a retraining", "net at 500 a retraining"]
    assert {len(row) for row in rows} == {len(headers)}
    never, scheduled = FOUND.policies[:2]
    assert priced.net_per_1000(never, 500.0) == never.quality.saved_per_1000
    spent = 500.0 * scheduled.trainings * 1000 / FOUND.rows
    assert priced.net_per_1000(scheduled, 500.0) == pytest.approx(scheduled.quality.saved_per_1000 - spent)
    assert rows[1][-2] == f"{priced.net_per_1000(scheduled, 500.0):,.0f}"
