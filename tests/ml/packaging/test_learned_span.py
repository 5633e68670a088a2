"""A night is out of sample only if it lies after everything that its model learned from, and if that is known."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.packaging import learned_span
from ml.packaging.learned_span import LearnedSpan

NIGHTS = st.dates(date(2000, 1, 1), date(2030, 1, 1))


def facts(first: date, fitted: date, judged: date) -> dict[str, object]:
    return {"fitted": [str(first), str(fitted)], "used_until": str(judged)}


@given(first=NIGHTS, fitted=NIGHTS, judged=NIGHTS, night=NIGHTS)
def test_a_night_is_out_of_sample_exactly_if_it_is_later_than_all(
    first: date, fitted: date, judged: date, night: date
) -> None:
    span = learned_span.from_facts(facts(first, fitted, judged))
    assert span.is_out_of_sample(night) is (night > fitted and night > judged)


@given(fitted=NIGHTS, judged=NIGHTS, night=NIGHTS, days=st.integers(0, 500))
def test_a_later_night_is_never_less_out_of_sample(fitted: date, judged: date, night: date, days: int) -> None:
    span = learned_span.from_facts(facts(fitted, fitted, judged))
    if span.is_out_of_sample(night):
        assert span.is_out_of_sample(night + timedelta(days=days))


@given(fitted=NIGHTS, judged=NIGHTS, night=NIGHTS, missing=st.sampled_from(["fitted", "used_until"]))
def test_missing_facts_make_no_night_out_of_sample_and_keep_what_is_in_sample(
    fitted: date, judged: date, night: date, missing: str
) -> None:
    complete = facts(fitted, fitted, judged)
    partial = learned_span.from_facts({name: value for name, value in complete.items() if name != missing})
    mark = partial.is_out_of_sample(night)
    assert mark is not True
    if mark is False:
        assert learned_span.from_facts(complete).is_out_of_sample(night) is False


def test_a_refit_has_learned_from_the_judged_nights() -> None:
    refit = learned_span.from_facts({"fitted": ["2013-01-01", "2013-01-30"], "used_until": "2013-01-30"})
    judged = learned_span.from_facts({"fitted": ["2013-01-01", "2013-01-23"], "used_until": "2013-01-30"})
    assert refit == judged == LearnedSpan(until=date(2013, 1, 30), is_complete=True)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"fitted": [], "used_until": ""},
        {"fitted": "2013-01-01", "used_until": None},
        {"fitted": 7, "used_until": 7},
    ],
    ids=["none", "empty", "texts", "numbers"],
)
def test_facts_of_other_types_are_unknown(broken: dict[str, object]) -> None:
    assert learned_span.from_facts(broken).is_out_of_sample(date(2013, 1, 1)) is None


@given(marks=st.dictionaries(st.sampled_from([True, False, None]), st.integers(0, 99)))
def test_counts_add_up_and_are_mixed_unless_all_are_out_of_sample(marks: dict[bool | None, int]) -> None:
    counts = learned_span.count(marks)
    assert counts.in_sample + counts.out_of_sample + counts.unknown == sum(marks.values())
    assert counts.is_mixed == (sum(marks.values()) > counts.out_of_sample)
