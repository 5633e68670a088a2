"""What goes is exactly what is too old, not needed and not pinned."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ml.governance.pruning import PruneItem, PruneNeed, plan

FIRST = date(2024, 1, 1)
nights = st.integers(0, 40).map(lambda days: FIRST + timedelta(days=days))
all_items = st.lists(nights, max_size=30).map(
    lambda each: [PruneItem(name=f"i{number}", night=night, size_bytes=number) for number, night in enumerate(each)]
)


@given(all_items, st.none() | nights, st.lists(nights, max_size=3), st.sets(st.integers(0, 30)))
def test_an_item_goes_if_it_is_old_and_nothing_needs_it(
    items: list[PruneItem], first_kept: date | None, since: list[date], pinned: set[int]
) -> None:
    needs = [PruneNeed(since=each, reason="a need") for each in since]
    pins = {f"i{number}": "a pin" for number in pinned}
    planned = plan("part", items, first_kept, needs=needs, pinned=pins)
    for each in items:
        old = first_kept is not None and each.night < first_kept
        needed = each.name in pins or any(each.night >= need for need in since)
        assert (each in planned.removed) == (old and not needed)
    old_items = [each for each in items if first_kept is not None and each.night < first_kept]
    assert planned.removed_count + sum(planned.kept.values()) == len(old_items)


@given(all_items, nights, st.lists(nights, max_size=3))
def test_what_is_left_needs_no_second_prune(items: list[PruneItem], first_kept: date, since: list[date]) -> None:
    needs = [PruneNeed(since=each, reason="a need") for each in since]
    planned = plan("part", items, first_kept, needs=needs)
    left = [each for each in items if each not in planned.removed]
    assert plan("part", left, first_kept, needs=needs).removed == ()


@given(all_items, nights, st.integers(0, 10))
def test_a_longer_retention_never_removes_more(items: list[PruneItem], first_kept: date, longer: int) -> None:
    short = plan("part", items, first_kept).removed
    long = plan("part", items, first_kept - timedelta(days=longer)).removed
    assert set(long) <= set(short)


def test_without_an_end_nothing_goes() -> None:
    items = [PruneItem(name="a", night=FIRST, size_bytes=3)]
    planned = plan("part", items, None)
    assert (planned.removed, planned.total_bytes, planned.oldest) == ((), 3, FIRST)
