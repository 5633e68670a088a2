"""Each kind of feature says what it takes when it is built, and names its columns after what they say."""

from collections.abc import Callable
from typing import Any

import pytest

from ml.errors import DeclarationError
from ml.usecase import AsOf, Column, Function, Live, Ratio, Since, Text, Window
from tests.ml.usecase.test_use_case import use_case

COUNT = Window("visits", column="came", how="count", by=("zone",), days=(7,))
[COUNTED] = COUNT.outputs


def window(**changes: Any) -> Window:
    return Window("t", **({"column": "x", "how": "mean", "days": (1,)} | changes))


@pytest.mark.parametrize(
    ("build", "reported"),
    [
        (lambda: window(how="median"), "one of 'mean', 'sum', 'count', got 'median'"),
        (lambda: window(on="noon"), "one of 'known_at', 'event_time', got 'noon'"),
        (lambda: window(days=()), r"days or hours of 1 or more, got days=\(\), hours=\(\)"),
        (lambda: window(days=(0,)), r"days or hours of 1 or more, got days=\(0,\)"),
        (lambda: window(hours=(1, -3)), r"got days=\(1,\), hours=\(1, -3\)"),
        (lambda: window(hours=(1.5,)), "each value of Window.hours=.* to be a whole number, got 1.5"),
        (lambda: window(shrinkage=-1), "0 or more pseudo-rows, got -1"),
        (lambda: window(how="sum", shrinkage=2), "a sum cannot: leave out shrinkage=2"),
        (lambda: AsOf("t", by=("a",), columns=("b",), within_hours=0), "looks back a positive number of hours, got 0"),
        (lambda: Since("t", by=("a",), within_hours=0), "looks back a positive number of hours, got 0"),
        (lambda: Since("t", by=("a",), within_hours=1, on="noon"), "one of 'known_at', 'event_time', got 'noon'"),  # type: ignore[arg-type]
        (lambda: Ratio("A share", numerator="a", denominator="b"), "a ratio's name is lower_case, got 'A share'"),
        (lambda: Ratio("share", numerator="a", denominator="b", shrinkage=-1), "0 or more pseudo-units, got -1"),
        (lambda: Text("note", analyzer="letters"), "one of 'characters', 'words', got 'letters'"),  # type: ignore[arg-type]
        (lambda: Text("note", ngrams=(3, 2)), r"a shortest and a longest length of 1 or more, got \(3, 2\)"),
        (lambda: Text("note", ngrams=(0, 2)), r"a shortest and a longest length of 1 or more, got \(0, 2\)"),
        (lambda: Text("note", components=0), "1 component or more and more buckets than that, got 0 and 4096"),
        (lambda: Text("note", buckets=8), "1 component or more and more buckets than that, got 8 and 8"),
        (lambda: Live(before="at", hours=-1), r"0 hours or more before the event, got Live\(hours=-1\)"),
        (
            lambda: use_case(features=(Ratio("share", numerator="came", denominator=COUNTED), COUNT)),
            r"Ratio\('share'\) refers to 'came', which is not a feature declared before it",
        ),
        (
            lambda: use_case(
                features=(Function("hour"), COUNT, Ratio("share", numerator="hour", denominator=COUNTED, shrinkage=1))
            ),
            "'hour' is not a window: leave out the shrinkage, or name a window",
        ),
    ],
)
def test_a_wrong_value_is_refused_when_built_and_told_what_is_allowed(
    build: Callable[[], object], reported: str
) -> None:
    with pytest.raises(DeclarationError, match=reported):
        build()


@pytest.mark.parametrize(
    ("feature", "names"),
    [
        (Column("zone"), ("zone",)),
        (Text("note"), ("note",)),
        (window(how="count", days=(28,)), ("x_count_by_all_28d",)),
        (window(by=("a", "b"), days=(7,), hours=(1, 3)), ("x_mean_by_a_and_b_7d", "x_mean_by_a_and_b_1h", "x_mean_by_a_and_b_3h")),
        (window(days=(), hours=(8,), on="event_time"), ("x_mean_by_all_8h_on_event_time",)),
        (Since("t", by=("a",), within_hours=9), ("hours_since_t_by_a",)),
        (Since("t", by=(), condition="late", within_hours=9, on="event_time"), ("hours_since_late_by_all_on_event_time",)),
        (Ratio("share", numerator="a", denominator="b"), ("share",)),
    ],
)  # fmt: skip
def test_features_are_named_after_what_they_say(feature: Any, names: tuple[str, ...]) -> None:
    assert feature.outputs == names


@pytest.mark.parametrize(
    ("feature", "hours"),
    [
        (window(days=(2, 7), hours=(50,)), 168),
        (window(days=(1,), hours=(50,)), 50),
        (AsOf("t", by=("a",), columns=("b",), within_hours=6), 6),
        (Since("t", by=("a",), within_hours=9), 9),
    ],
)
def test_a_lookup_tells_how_far_it_looks_back(feature: Any, hours: float) -> None:
    assert feature.lookback_hours == hours


def test_a_ratio_may_be_of_any_feature_before_it_and_lie_at_the_live_horizon() -> None:
    share = Ratio("share", numerator=COUNTED, denominator="hour")
    assert use_case(Live(before="at", hours=0, features=(share,)), features=(Function("hour"), COUNT))
