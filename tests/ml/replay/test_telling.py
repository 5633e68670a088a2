"""Tables say what was shown and nothing else."""

from ml.evaluation import Interval
from ml.replay import policies, results, telling
from tests.ml.replay import world
from tests.ml.replay.world import TRIGGERS

SCENE = world.scene(world.past())


def measured() -> results.Results:
    walks, grown = [], {}
    for policy in policies.parse("never,every@6,triggers", TRIGGERS):
        walk, grown = world.played(policy, SCENE, grown)
        walks.append(walk)
    return results.measure(walks, SCENE, grown, 0.95)


FOUND = measured()


def test_every_row_of_the_table_is_as_long_as_its_heads_and_begins_with_the_policy() -> None:
    rows = telling.policies(FOUND, ("never",))
    assert {len(row) for row in rows} == {len(telling.heads(FOUND, ("never",)))}
    assert [row[0] for row in rows] == ["never", "every@6", "triggers"]
    assert [row[1] for row in rows] == [str(each.trainings) for each in FOUND.played]


def test_a_gain_is_told_from_the_side_of_the_one_that_gains() -> None:
    gained, lost = telling.gain(FOUND, "every@6", "never"), telling.gain(FOUND, "never", "every@6")
    assert gained is not None
    assert lost is not None
    assert (gained.value, gained.low, gained.high) == (-lost.value, -lost.high, -lost.low)
    never, scheduled = FOUND.played[:2]
    assert (gained.value > 0) == (scheduled.quality.loss < never.quality.loss)
    assert telling.gain(FOUND, "never", "never") is None


def test_an_interval_that_holds_zero_is_told_as_no_difference() -> None:
    assert telling.told(Interval(value=0.1, low=-0.1, high=0.3)).startswith(telling.NONE_SHOWN)
    assert telling.told(Interval(value=0.1, low=0.05, high=0.3)) == "+0.1000 [+0.0500, +0.3000]"
    assert telling.told(None) == ""


def test_only_policies_with_triggers_that_fired_are_told_to_have() -> None:
    ((policy, said, asked),) = telling.fired(FOUND)
    assert policy == "triggers"
    assert said.startswith("calibration_gap ")
    assert asked.split(", ") == list(FOUND.played[-1].asked)


def test_a_row_of_differences_names_both_and_what_is_shown() -> None:
    each = FOUND.differences[0]
    assert telling.difference(each)[:3] == ["never", "every@6", each.told]
