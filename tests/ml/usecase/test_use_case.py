import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import date
from typing import Any, get_origin

import pytest

from ml import usecase
from ml.errors import DeclarationError, RequestError
from ml.usecase import (
    AsOf,
    Binary,
    Canary,
    Column,
    Cost,
    Delay,
    Demo,
    DeterministicLevels,
    EdgeCase,
    Experiment,
    Fairness,
    Function,
    Gates,
    GradientBoosting,
    LinearQuantile,
    Live,
    Logistic,
    Milliseconds,
    NeuralNet,
    Night,
    Personal,
    PinballCost,
    Prior,
    RecentMean,
    RecentRate,
    Reference,
    Refit,
    Regression,
    Release,
    Since,
    Slice,
    Table,
    Text,
    Triggers,
    UseCase,
    Window,
)

NIGHT = Night(hour=2, timezone="UTC")


def use_case(*lives: Live, **changes: Any) -> UseCase:
    """Return a small coherent use case with some fields changed."""
    fields: dict[str, Any] = {
        "name": "visits",
        "question": "Will they come?",
        "task": Binary(label="came", table="visits"),
        "entities": "plans",
        "tables": (
            Table(name="plans", schema="Plan", key=("day", "who"), event_time="at", night="day"),
            Table(name="visits", schema="Visit", key=("day", "who"), event_time="at", known_at="ended_at"),
        ),
        "horizons": (NIGHT, *lives),
        "features": (Column("zone"), Window("visits", column="came", how="mean", by=("zone",), days=(1, 7))),
        "cost": Cost(act=1, miss=10, averted=0.5),
        "demo": Demo(history="2013-01-01..2013-01-31", nights="2013-02-01..2013-02-03"),
    }
    return UseCase(**(fields | changes))


PLANS, VISITS = use_case().tables


def referring(table: Table, to: str) -> Table:
    """Return the table with a reference to the table `to`."""
    return replace(table, references=(Reference(columns=("day", "who"), table=to),))


@pytest.mark.parametrize(
    ("build", "reported"),
    [
        (lambda: use_case(name="Visits"), "a use case's name is lower_case, got 'Visits'"),
        (lambda: use_case(features=(Column("cutoff"),)), "a feature cannot be called 'cutoff'"),
        (lambda: use_case(features=(Column("Night"),)), "a feature cannot be called 'Night'"),
        (
            lambda: use_case(features=(Column("zone"), Column("Zone"))),
            "the features 'zone' and 'Zone' differ only in upper and lower case",
        ),
        (lambda: use_case(tables=(PLANS, PLANS, VISITS)), "tables are named once each, but 'plans' is there twice"),
        (lambda: use_case(features=(Column("a"), Column("a"))), "features are named once each, but 'a' is there twice"),
        (lambda: use_case(features=()), "'visits' declares no features"),
        (lambda: use_case(candidates=()), "'visits' declares no candidates"),
        (lambda: use_case(candidates=(Logistic(), Logistic())), "candidates are named once each"),
        (
            lambda: use_case(entities="people"),
            r"entities names the table 'people', but 'visits' declares \['plans', 'visits'\]",
        ),
        (lambda: use_case(task=Binary(label="x", table="y")), "task.table names the table 'y'"),
        (lambda: use_case(features=(AsOf("z", by=("a",), columns=("b",)),)), "AsOf names the table 'z'"),
        (lambda: use_case(entities="visits"), "the entity table 'visits' must name its night column"),
        (lambda: use_case(slices=(Slice(feature="size"),)), r"Slice\(feature='size'\) must name one of the features"),
        (
            lambda: use_case(
                deterministic_levels=(DeterministicLevels(feature="size", levels=("0",), why="so it is"),)
            ),
            r"DeterministicLevels\(feature='size'\) must name one of the features",
        ),
        (
            lambda: DeterministicLevels(feature="zone", levels=(), why="so it is"),
            "names the levels that determine the label",
        ),
        (
            lambda: DeterministicLevels(feature="zone", levels=("closed",), why=""),
            "say why the levels .* of 'zone' determine the label",
        ),
        (
            lambda: use_case(horizons=(Night(hour=2, timezone="UTC", every="month"),)),
            "the demo of 'visits' runs 2013-01-01..2013-01-31: .*got 2013-01-31, which is not a night",
        ),
        (lambda: use_case(matured_share=0), "matured_share lies between 0 and 1, got 0"),
        (lambda: Table(name="Plans", schema="P", key=("a",)), "a table's name is lower_case"),
        (lambda: Table(name="plans", schema="P", key=()), "needs a key"),
        (lambda: Delay(after="at", hours=-1), "no row is known before its event"),
        (lambda: Night(hour=24, timezone="UTC"), "a night's hour is 0 to 23, got 24"),
        (lambda: Night(hour=2, timezone="UTC", every="week"), "one of 'day', 'month', got 'week'"),  # type: ignore[arg-type]
        (lambda: Night(hour=2, timezone="Mars/Base"), "expected an IANA time zone .* got 'Mars/Base'"),
        (
            lambda: use_case(slices=(Slice(feature="zone"),), features=(Text("zone"),)),
            "names a text, which has no levels",
        ),
        (lambda: use_case(Live(before="at", hours=1, features=(Column("zone"),))), "features are named once each"),
        (
            lambda: use_case(Live(before="at", hours=1, features=(Since("z", by=(), within_hours=1),))),
            "Since names the table 'z'",
        ),
        (lambda: Logistic(strength=0), "is positive, got 0"),
        (lambda: GradientBoosting(trees=0), "is 1 or more, got 0"),
        (lambda: GradientBoosting(leaves=1), "is 2 or more, got 1"),
        (lambda: GradientBoosting(feature_share=1.5), r"in \(0, 1\], got 1.5"),
        (lambda: Cost(act=0, miss=1, averted=0.5), "costs are positive, got act=0"),
        (lambda: Cost(act=1, miss=1, averted=2), "a share between 0 and 1, got 2"),
        (lambda: Milliseconds(p99=0), "a latency budget is positive, got 0 ms"),
        (lambda: Gates(judged_nights=1), "a gate needs 2 nights or more for an interval, got 1"),
        (lambda: Gates(confidence=1.0), "confidence lies between .5 and 1, got 1.0"),
        (lambda: Gates(max_judged_nights=6), r"judged_nights \(7\) or more, got 6"),
        (lambda: Gates(recent_nights=1), r"between 2 and judged_nights \(7\), got 1"),
        (lambda: Gates(judged_nights=3, recent_nights=4), r"between 2 and judged_nights \(3\), got 4"),
        (lambda: EdgeCase(name="storm", condition="is_storm", why=""), "name the edge case 'is_storm' and say why"),
        (
            lambda: use_case(
                edge_cases=(EdgeCase(name="a", condition="b", why="c"), EdgeCase(name="a", condition="d", why="e"))
            ),
            "edge cases are named once each, but 'a' is there twice",
        ),
        (lambda: Fairness(group_by=()), "names the columns whose groups are compared"),
        (lambda: Fairness(group_by=("sex", "sex")), "columns are named once each, but 'sex' is there twice"),
        (lambda: Fairness(group_by=("sex",), min_rows=0), "min_rows is 1 or more, got 0"),
        (lambda: Fairness(group_by=("sex",), max_calibration=0.9), "on both sides of 1, got 0.85 and 0.9"),
        (lambda: Fairness(group_by=("sex",), auc_margin=-0.1), "auc_margin is 0 or more, got -0.1"),
        (lambda: Refit(max_score_difference=0), "max_score_difference lies between 0 and 1, got 0"),
        (lambda: Refit(max_flipped_share=1), "max_flipped_share is a share between 0 and 1, got 1"),
        (lambda: Refit(max_loss_rise=-0.1), "max_loss_rise is 0 or more, got -0.1"),
        (lambda: Refit(min_rank_correlation=1.1), "min_rank_correlation lies above 0, up to 1, got 1.1"),
        (lambda: Gates(refresh_margin=-0.1), "margins are 0 or more"),
        (lambda: Gates(min_auc=0.9, leak_auc=0.8), "min_auc lies below leak_auc"),
        (lambda: Triggers(min_nights=20), "min_nights lies between 1 and window_nights"),
        (lambda: Triggers(cooldown_nights=-1), "a cooldown is 0 nights or more, got -1"),
        (lambda: Release(approvers=("lead", "lead")), "two different approvers"),
        (lambda: Canary(shares=(0.25, 0.05, 1.0)), r"rise from above 0 to 1.0, got \(0.25, 0.05, 1.0\)"),
        (lambda: Canary(shares=(0.05, 0.5), min_requests=(1, 1)), "rise from above 0 to 1.0"),
        (lambda: Canary(shares=(), min_requests=()), "rise from above 0 to 1.0"),
        (lambda: Canary(min_requests=(100, 100)), "a number, 1 or more, for each of the 3 shares"),
        (lambda: Canary(min_requests=(0, 100, 100)), "a number, 1 or more"),
        (lambda: Canary(min_shadow_rows=0), "20 min_shadow_rows or more, got 0"),
        (lambda: Canary(min_nights=-1), "min_nights is 0 or more"),
        (lambda: Canary(false_alarm_rate=0.0), "false_alarm_rate lies between 0 and .5"),
        (lambda: Canary(cost_margin=-0.1), "margins lie between 0 and .8"),
        (lambda: Canary(fault_margin=float("nan")), "fault_margin=.* to be a number, got nan: write a finite number"),
        (lambda: Experiment(share=1.0), "share lies between 0 and 1, got 1.0"),
        (lambda: Experiment(nights=1), "2 nights or more"),
        (lambda: Experiment(confidence=1.0), "confidence lies between .5 and 1"),
        (lambda: Experiment(slow_margin=0.9), "margins lie between 0 and .8"),
        (
            lambda: Demo(history="2013-01-01..2013-01-31", nights="2013-01-31..2013-02-03"),
            "nights that begin after 2013-01-31, got 2013-01-31..2013-02-03",
        ),
        (
            lambda: use_case(tables=(referring(PLANS, "visits"), referring(VISITS, "plans"))),
            "run in a circle, '(plans' -> 'visits' -> 'plans|visits' -> 'plans' -> 'visits)': .* leave one of these references out",
        ),
        (lambda: use_case(slices=Slice(feature="zone")), r"takes a tuple, got a Slice: .* a comma: \(Slice\(...\),\)"),
        (lambda: Window("a", column="b", how="sum", days=7), r"Window\(days=...\) takes a tuple, got 7: .*: \(7,\)"),  # type: ignore[arg-type]
        (lambda: Table(name="a", schema="A", key=["b"]), r"Table\(key=...\) takes a tuple, got \['b'\]: .* round"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_is_refused_when_built_and_told_what_is_allowed(
    build: Callable[[], object], reported: str
) -> None:
    with pytest.raises(DeclarationError, match=reported):
        build()


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        use_case(colour="red")


def test_a_use_case_is_never_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        use_case().name = "other"  # type: ignore[misc]


def test_features_are_named_after_what_they_say() -> None:
    assert use_case().feature_names == ("zone", "came_mean_by_zone_1d", "came_mean_by_zone_7d")


def test_the_live_horizon_sees_what_the_night_sees_and_more() -> None:
    live = Live(before="at", hours=2, features=(Text("zoned"),))
    case = use_case(live, features=(Column("zone"), Text("note")))
    assert case.names_at(case.schedule) == case.feature_names == ("zone", "note")
    assert case.names_at(live) == ("zone", "note", "zoned")
    assert [text.column for text in case.texts] == ["note", "zoned"]


def test_an_unknown_table_is_told_with_those_there_are() -> None:
    with pytest.raises(DeclarationError, match=r"has no table 'people', only \['plans', 'visits'\]"):
        use_case().table("people")


def test_acting_pays_above_its_cost_over_what_it_averts() -> None:
    assert Cost(act=250, miss=1800, averted=0.4).threshold == pytest.approx(0.3472, abs=1e-4)


DECLARATIONS = [each for each in vars(usecase).values() if isinstance(each, type) and is_dataclass(each)]


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.__name__)
def test_every_declaration_is_frozen_and_closed(declaration: Any) -> None:
    assert declaration.__dataclass_params__.frozen
    assert set(declaration.__slots__) == {field.name for field in fields(declaration)}
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        declaration(colour="red")


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.__name__)
def test_every_declaration_checks_the_types_of_its_fields_first(declaration: Any) -> None:
    with pytest.raises(
        DeclarationError, match=rf"{declaration.__name__}\(\w+=...\) (to be .*|takes a tuple), got a object"
    ):
        declaration(**{each.name: object() for each in fields(declaration)})


WRONG_TYPES: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Night(hour="3", timezone="UTC"),
        "expected Night(hour=...) to be a whole number, got '3' (text): write it",
    ),
    (lambda: Night(hour=3.5, timezone="UTC"), "expected Night(hour=...) to be a whole number, got 3.5"),
    (lambda: Night(hour=True, timezone="UTC"), "expected Night(hour=...) to be a whole number, got True"),
    (lambda: Night(hour=3, timezone=None), "expected Night(timezone=...) to be a text, got None"),
    (lambda: AsOf("a", by=(), columns=("b",), within_hours="6"), "expected AsOf(within_hours=...) to be a number, got"),
    (lambda: AsOf("a", by=(), columns=("b",), within_hours=10**12), "AsOf(within_hours=...) is at most 1752000 hours"),
    (lambda: Since("a", by=(), within_hours=10**12), "Since(within_hours=...) is at most 1752000 hours (200 years)"),
    (
        lambda: Delay(after="at", hours="1"),
        "expected Delay(hours=...) to be a number, got '1' (text): write it without",
    ),
    (
        lambda: Delay(after="at", hours=float("inf")),
        "expected Delay(hours=...) to be a number, got inf: write a finite",
    ),
    (lambda: Delay(after="at", hours=10**9), "Delay(hours=...) is at most 1752000 hours (200 years), got 1000000000"),
    (lambda: Live(before="at", hours=10**9), "Live(hours=...) is at most 1752000 hours (200 years), got 1000000000"),
    (lambda: window(days=(10**9,)), "Window(days=..., hours=...) is at most 1752000 hours"),
    (lambda: window(days=(True,)), "expected each value of Window(days=...) to be a whole number, got True"),
    (lambda: window(days=(3, 3)), "Window(days=...): lengths are named once each, but 3 is there twice"),
    (lambda: window(days=(3,), shrinkage=float("inf")), "expected Window(shrinkage=...) to be a number, got inf"),
    (lambda: Logistic(strength="1"), "expected Logistic(strength=...) to be a number, got '1' (text)"),
    (lambda: Cost(act="2", miss=1, averted=1), "expected Cost(act=...) to be a number, got '2' (text)"),
    (lambda: Gates(judged_nights=4.5), "expected Gates(judged_nights=...) to be a whole number, got 4.5"),
    (lambda: GradientBoosting(trees=10.5), "expected GradientBoosting(trees=...) to be a whole number, got 10.5"),
    (lambda: use_case(candidates=(Logistic,)), "or NeuralNet(...), got the class Logistic: write Logistic(...)"),
    (
        lambda: use_case(candidates=("logistic",)),
        "expected each value of UseCase(candidates=...) to be Logistic(...), ",
    ),
    (lambda: use_case(features=("zone",)), "or Ratio(...), got 'zone' (text)"),
    (
        lambda: use_case(slices=("zone",)),
        "expected each value of UseCase(slices=...) to be Slice(...), got 'zone' (text)",
    ),
    (lambda: use_case(gates={}), "expected UseCase(gates=...) to be Gates(...), got {}"),
    (lambda: use_case(refit=True), "expected UseCase(refit=...) to be Refit(...) or None, got True"),
    (lambda: use_case(arrival=5), "expected UseCase(arrival=...) to be Arrival(...), got 5 (a whole number)"),
    (lambda: use_case(roles={}), "expected UseCase(roles=...) to be Roles(...), got {}"),
    (
        lambda: use_case(latency_budget=500),
        "expected UseCase(latency_budget=...) to be Milliseconds(...) or None, got 500",
    ),
    (lambda: use_case(excluded=("driver",)), "expected each value of UseCase(excluded=...) to be Excluded(...), got"),
    (
        lambda: use_case(fairness="zone"),
        "expected UseCase(fairness=...) to be Fairness(...) or None, got 'zone' (text)",
    ),
    (lambda: use_case(question=None), "expected UseCase(question=...) to be a text, got None"),
    (lambda: table(required="no"), "expected Table(required=...) to be True or False, got 'no' (text)"),
    (
        lambda: table(never=(9999,)),
        "expected each value of Table(never=...) to be a text, got 9999 (a whole number): write",
    ),
    (
        lambda: table(missing=(1,)),
        "expected each value of Table(missing=...) to be a text, got 1 (a whole number): write",
    ),
    (
        lambda: table(key=("zone", "zone")),
        "the columns of the key of 'a' are named once each, but 'zone' is there twice",
    ),
    (lambda: table(derived=("b", "b")), "the derived columns of 'a' are named once each, but 'b' is there twice"),
    (
        lambda: table(personal=("driver",)),
        "expected each value of Table(personal=...) to be Personal(...), got 'driver'",
    ),
    (
        lambda: table(schema=Slice),
        "expected Table(schema=...) to be a text, got the class Slice: write its name in quotes",
    ),
    (lambda: Function(len), "expected Function(name=...) to be a text, got the function len: write its name in quotes"),
    (lambda: Release(approvers=("lead",)), "expected Release(approvers=...) to be (a text, a text), got ('lead',)"),
]


def window(**changes: Any) -> Window:
    return Window("rides", column="is_late", how="mean", **changes)


def table(**changes: Any) -> Table:
    return Table(**{"name": "a", "schema": "A", "key": ("b",)} | changes)


@pytest.mark.parametrize(("build", "reported"), WRONG_TYPES, ids=[reported for _, reported in WRONG_TYPES])
def test_a_value_of_another_type_is_refused(build: Callable[[], object], reported: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(reported)):
        build()


TUPLES = [(each, field.name) for each in DECLARATIONS for field in fields(each) if get_origin(field.type) is tuple]


@pytest.mark.parametrize(("declaration", "name"), TUPLES, ids=lambda each: getattr(each, "__name__", each))
def test_a_bare_text_in_place_of_a_tuple_is_refused_by_every_declaration(declaration: Any, name: str) -> None:
    others = {each.name: () if get_origin(each.type) is tuple else None for each in fields(declaration)}
    reported = rf"{declaration.__name__}\({name}=...\) takes a tuple, got 'zone': .* \('zone',\)"
    with pytest.raises(DeclarationError, match=reported):
        declaration(**others | {name: "zone"})


def test_a_table_may_refer_to_itself_and_two_to_the_same() -> None:
    use_case(tables=(referring(PLANS, "plans"), referring(VISITS, "plans")))


@pytest.mark.parametrize("text", ["January", "2013-02-30", "2013-02-02..2013-02-01"])
def test_a_rehearsal_of_no_nights_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match=r"a demo runs nights: .*2013-"):
        Demo(history="2013-01-01", nights=text)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: Delay(after="at", hours=0), id="known at once"),
        pytest.param(lambda: (Night(hour=0, timezone="UTC"), Night(hour=23, timezone="UTC")), id="first and last hour"),
        pytest.param(
            lambda: GradientBoosting(trees=1, leaves=2, feature_share=1, row_share=1), id="the smallest forest"
        ),
        pytest.param(lambda: Cost(act=1, miss=1, averted=1), id="acting averts all"),
        pytest.param(lambda: Gates(judged_nights=2, min_auc=0.5, leak_auc=1, refresh_margin=0), id="the widest gates"),
        pytest.param(lambda: Triggers(min_nights=14, cooldown_nights=0), id="every night of the window"),
        pytest.param(lambda: use_case(matured_share=1), id="every label"),
    ],
)
def test_a_value_at_its_bound_is_taken(build: Callable[[], object]) -> None:
    build()


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        (float("nan"), "to be a number, got nan: write a finite number"),
        (float("inf"), "to be a number, got inf: write a finite number"),
        (-1.0, "costs are positive, got act=1, miss="),
    ],
)
def test_a_cost_that_is_no_price_is_refused(wrong: float, reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        Cost(act=1, miss=wrong, averted=0.5)


def test_a_retired_feature_is_built_at_every_horizon_and_learned_at_none() -> None:
    case = use_case(Live(before="at", hours=2, features=(Column("near"),)), retired=(Column("old"),))
    assert case.feature_names == ("zone", "came_mean_by_zone_1d", "came_mean_by_zone_7d")
    assert case.names_at(case.schedule) == (*case.feature_names, "old")
    assert case.all_names == (*case.feature_names, "near", "old")


def test_a_feature_cannot_be_learned_and_retired_at_once() -> None:
    with pytest.raises(DeclarationError, match="zone"):
        use_case(retired=(Column("zone"),))


WAITING: dict[str, Any] = {
    "task": Regression(label="waited", table="visits", unit="minutes"),
    "cost": PinballCost(under=3, over=1),
    "candidates": (LinearQuantile(), GradientBoosting()),
    "features": (Column("zone"), Window("visits", column="waited", how="mean", by=("zone",), days=(7,))),
}
MEAN = "waited_mean_by_zone_7d"


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        pytest.param({"candidates": (Logistic(),)}, r"declare candidates=\(LinearQuantile\(\), GradientBoosting\(\)\)", id="an answer of yes or no"),
        pytest.param({"candidates": (NeuralNet(positive_weight=2.0),)}, "neural_net has a positive_weight", id="a weight for yes"),
        pytest.param({"cost": Cost(act=1, miss=10, averted=0.5)}, r"the cost of a Regression task is PinballCost\(under=..., over=...\) per unit, got Cost", id="a cost of acting"),
        pytest.param({"baselines": (RecentRate(feature=MEAN),)}, r"declare RecentMean\(feature=...\)", id="a share to beat"),
        pytest.param({"baselines": (RecentMean(feature="zone"),)}, r"RecentMean\(feature='zone'\) must name one of the windows' means", id="no mean"),
        pytest.param({"task": Binary(label="came", table="visits")}, r"the cost of a Binary task is Cost\(act=..., miss=..., averted=...\), got PinballCost", id="a price of minutes"),
        pytest.param({"task": Binary(label="came", table="visits"), "cost": Cost(act=1, miss=10, averted=0.5)}, r"LinearQuantile predicts a number.*declare Logistic\(\)", id="a number for yes or no"),
        pytest.param({"task": Binary(label="came", table="visits"), "cost": Cost(act=1, miss=10, averted=0.5), "candidates": (Logistic(),), "baselines": (RecentMean(feature=MEAN),)}, r"declare RecentRate\(feature=...\)", id="a mean for yes or no"),
    ],
)  # fmt: skip
def test_what_is_for_the_other_kind_of_question_is_refused(changes: dict[str, Any], reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        use_case(**(WAITING | changes))


def test_a_number_may_be_asked_for_with_what_answers_with_one() -> None:
    case = use_case(**WAITING, baselines=(Prior(), RecentMean(feature=MEAN)))
    assert case.task == Regression(label="waited", table="visits", unit="minutes")


@pytest.mark.parametrize(
    ("declare", "reported"),
    [
        pytest.param(lambda: Regression(label="waited", table="visits", unit=""), r"needs the unit of its label \(unit=\)", id="no unit"),
        pytest.param(lambda: PinballCost(under=0, over=1), "costs are positive, got under=0, over=1", id="free"),
        pytest.param(lambda: LinearQuantile(penalty=-1), "is 0 or more, got -1", id="a reward"),
        pytest.param(lambda: Gates(min_skill=0.9), "min_skill lies below leak_skill", id="no room for skill"),
        pytest.param(lambda: Fairness(group_by=("zone",), max_loss=1.0), "max_loss is a multiple above 1, got 1", id="nobody may lose more"),
        pytest.param(lambda: Fairness(group_by=("zone",), coverage_margin=1.0), "coverage_margin is a share below 1", id="any share"),
    ],
)  # fmt: skip
def test_a_declaration_for_numbers_that_says_nothing_is_refused(declare: Callable[[], object], reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        declare()


@pytest.mark.parametrize(
    ("may_reach", "is_confidential"),
    [((), True), (("features",), True), (("logs",), True), (("logs", "reports"), False)],
)
def test_a_personal_column_is_confidential_unless_it_may_reach_logs_and_reports(
    taxi: UseCase, may_reach: tuple[Any, ...], is_confidential: bool
) -> None:
    public = tuple(replace(each, personal=()) for each in taxi.tables)
    assert not replace(taxi, tables=public).has_confidential_columns
    bookings, *others = public
    personal = (Personal(column="zone", may_reach=may_reach, why="shown on signs"),)
    tables = (replace(bookings, personal=personal), *others)
    assert replace(taxi, tables=tables).has_confidential_columns is is_confidential


LIVE, DAY_BEFORE = (
    Live(before="at", hours=2, features=(Column("near"),), gates=Gates(leak_auc=0.8), candidates=(Logistic(),)),
    Live(name="day_before", before="at", hours=24),
)


def test_each_horizon_has_a_declaration_of_its_own_over_the_same_data() -> None:
    case = use_case(LIVE, DAY_BEFORE, retired=(Column("old"),))
    assert [each.name for each in case.models] == ["visits", "visits-live", "visits-day_before"]
    assert {each.dataset for each in case.models} == {"visits"}
    assert [each.horizon for each in case.models] == [NIGHT, LIVE, DAY_BEFORE]
    assert {each.schedule for each in case.models} == {NIGHT}
    assert case.at("night") is case
    live, day_before = case.at("live"), case.at("day_before")
    assert live.feature_names == (*case.feature_names, "near")
    assert day_before.feature_names == case.feature_names
    assert (live.gates, live.candidates) == (LIVE.gates, LIVE.candidates)
    assert (day_before.gates, day_before.candidates, day_before.triggers) == (
        case.gates,
        case.candidates,
        case.triggers,
    )
    assert live.models == (live,)


def test_a_live_night_is_complete_when_the_next_one_has_landed() -> None:
    case, night = use_case(LIVE), date(2013, 1, 5)
    assert case.complete_at(night) == NIGHT.cutoff(night)
    assert case.at("live").complete_at(night) == NIGHT.cutoff(date(2013, 1, 6))


@pytest.mark.parametrize(
    ("build", "reported"),
    [
        (lambda: use_case(horizons=()), r"one Night\(...\), first, .* 'visits' declares \[\]"),
        (lambda: use_case(horizons=(LIVE,)), r"one Night\(...\), first, .* declares \['Live'\]"),
        (lambda: use_case(horizons=(NIGHT, NIGHT)), r"one Night\(...\), first, .* declares \['Night', 'Night'\]"),
        (lambda: use_case(LIVE, LIVE), "horizons are named once each, but 'live' is there twice"),
        (
            lambda: Live(name="night", before="at", hours=2),
            "lower_case, and not night, entities or snapshots, got 'night'",
        ),
        (lambda: Live(name="Two-h", before="at", hours=2), "lower_case, .* got 'Two-h'"),
        (lambda: Live(before="at", hours=2, candidates=()), "the horizon 'live' declares no candidates"),
        (lambda: Live(before="at", hours=2, max_age_minutes=0), "max_age_minutes is 1 or more, got 0"),
        (
            lambda: use_case(LIVE, replace(DAY_BEFORE, features=(Text("near"),))),
            "the feature 'near' is declared in two ways",
        ),
        (lambda: use_case(derived_from="visits"), "derived_from is set by UseCase.at only"),
        (lambda: use_case(name="visits-live"), "a use case's name is lower_case, got 'visits-live'"),
    ],
)
def test_horizons_that_contradict_each_other_are_refused(build: Callable[[], object], reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        build()


def test_horizons_may_share_a_feature() -> None:
    case = use_case(LIVE, replace(DAY_BEFORE, features=LIVE.features))
    assert case.all_names == (*case.feature_names, "near")


@pytest.mark.parametrize("name", ["week", "visits-live", ""])
def test_an_unknown_horizon_is_reported_with_those_that_there_are(name: str) -> None:
    with pytest.raises(RequestError, match=r"expected one of the horizons \['night', 'live'\] of visits, got"):
        use_case(LIVE).at(name)
