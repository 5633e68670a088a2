"""Two ordered heaps of rows: what parts them, what may, and one digest of either."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import DataError
from ml.governance import sync_diff
from ml.governance.sync_diff import Change, ChangeKind, Row

HEAPS = st.dictionaries(st.tuples(st.text(max_size=3), st.integers(0, 5)), st.floats(allow_nan=False), max_size=12)


def rows(heap: dict[tuple[str, int], float]) -> list[Row]:
    return [(*key, heap[key]) for key in sorted(heap)]


def key(row: Row) -> tuple[object, ...]:
    return row[:2]


def parted(source: list[Row], target: list[Row]) -> list[tuple[str, Row]]:
    return [(change.kind, change.row) for change in sync_diff.differences(source, target, key)]


@given(source=HEAPS, target=HEAPS)
def test_what_parts_two_heaps_makes_one_of_the_other(
    source: dict[tuple[str, int], float], target: dict[tuple[str, int], float]
) -> None:
    mended = {row[:2]: row[2] for row in rows(target)}
    for change in sync_diff.differences(rows(source), rows(target), key):
        assert (change.row[:2] in mended) == (change.kind is not ChangeKind.NEW)
        mended.pop(change.row[:2], None)
        if change.kind is not ChangeKind.REMOVED:
            mended[change.row[:2]] = change.row[2]
    assert mended == source


@given(heap=HEAPS)
def test_nothing_parts_a_heap_from_itself(heap: dict[tuple[str, int], float]) -> None:
    assert parted(rows(heap), rows(heap)) == []


@pytest.mark.parametrize(
    ("heap", "got"),
    [
        pytest.param([("b", 1, 0.0), ("a", 1, 0.0)], "got a, 1, 0.0 after b, 1, 0.0", id="out of order"),
        pytest.param([("a", 1, 0.0), ("a", 1, 1.0)], "got a, 1, 1.0 after a, 1, 0.0", id="a key twice"),
    ],
)
def test_rows_that_are_not_in_order_are_refused(heap: list[Row], got: str) -> None:
    with pytest.raises(DataError, match=got):
        parted(heap, [])


def judged(kind: ChangeKind, *, earlier: bool, may_change: bool) -> list[Change]:
    change = Change(kind=kind, row=("a", 1, 0.5))
    return list(
        sync_diff.require_overwritable([change], "scores", target_is_earlier=earlier, may_change=lambda _: may_change)
    )


@pytest.mark.parametrize("kind", [ChangeKind.CHANGED, ChangeKind.REMOVED])
def test_only_an_earlier_state_may_differ_and_only_where_that_is_its_way(kind: ChangeKind) -> None:
    assert judged(kind, earlier=True, may_change=True)
    for earlier, may_change in ((True, False), (False, True), (False, False)):
        with pytest.raises(
            DataError, match="holds something else already: in scores, a, 1, 0.5 .*It is not overwritten"
        ):
            judged(kind, earlier=earlier, may_change=may_change)


def test_what_is_not_there_yet_is_always_admitted() -> None:
    assert judged(ChangeKind.NEW, earlier=False, may_change=False)


def test_a_tally_tells_one_changed_value_and_not_two_zeros() -> None:
    moment = datetime(2024, 3, 1, 2, tzinfo=UTC)
    one, same, other = (
        sync_diff.table_digest([("a", None, value, date(2024, 3, 1), moment)]) for value in (0.0, -0.0, 1e-300)
    )
    assert one == same != other
    assert (one.count, sync_diff.table_digest([]).count) == (1, 0)


@given(heap=HEAPS)
def test_a_tally_is_that_of_what_was_written_not_of_how_it_came(heap: dict[tuple[str, int], float]) -> None:
    assert sync_diff.table_digest(iter(rows(heap))) == sync_diff.table_digest(rows(heap))
